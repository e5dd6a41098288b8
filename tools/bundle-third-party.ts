import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { build, type Plugin } from 'esbuild';

/** `@grpc/grpc-js` → `grpc-js`. */
export function bundledName(name: string): string {
  return name
    .replace(/^@grpc\//, '')
    .replace(/^@/, '')
    .replaceAll('/', '-');
}

/**
 * Writes an npm package with all that it needs as one ES module, which exports the same names as the
 * package does in Node.js, and the licences of everything inside beside it.
 */
export async function bundleThirdParty(
  name: string,
  folder: string,
  plugins: readonly Plugin[],
): Promise<void> {
  const { default: whole, ...names } = (await import(name)) as Record<string, unknown>;
  const valid = Object.keys(names).filter((each) => /^[A-Za-z_$][\w$]*$/.test(each));
  const lines = [
    `import * as all from '${name}';`,
    ...valid.map((each) => `const the_${each} = all['${each}'];`),
    `export { ${valid.map((each) => `the_${each} as ${each}`).join(', ')} };`,
    ...(whole === undefined ? [] : ['export default all.default;']),
  ];
  const file = bundledName(name);
  const { metafile } = await build({
    stdin: { contents: lines.join('\n'), resolveDir: process.cwd(), sourcefile: `${file}.mjs` },
    outfile: join(folder, `${file}.js`),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none', // the licences are in a file
    metafile: true,
    plugins: [...plugins],
    logLevel: 'warning',
  });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${file}.LICENSES.txt`), licences(Object.keys(metafile.inputs)));
}

/** The licence of each package that the files belong to. */
function licences(files: readonly string[]): string {
  const folders = files.flatMap(
    (file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [],
  );
  const each = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license } = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    ) as Readonly<Record<'name' | 'version' | 'license', string>>;
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? '' : `\n\n${readFileSync(join(folder, file), 'utf8').trim()}`;
    return `${name} ${version}: ${license}${text}\n`;
  });
  return each.join('\n\n');
}
