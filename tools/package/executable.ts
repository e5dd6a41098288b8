import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { ROOT, run } from '../test/process.ts';
import { type Architecture, ARCHITECTURES, type PackagedProgram } from './programs.ts';

/** Node.js' own folder for one processor, with its program and its licence. */
export interface NodeFolder {
  readonly binary: string;
  readonly license: string;
}

const CACHE = join(ROOT, '.cache/package');
/** Removes the symbols that only debuggers read: a fifth of the program. */
const STRIP: Readonly<Record<Architecture, string>> = {
  amd64: 'strip',
  arm64: 'aarch64-linux-gnu-strip',
};

/** Downloads the Node.js that `tools/with-node.sh` pins, for another processor as well. */
export async function fetchNode(architecture: Architecture): Promise<NodeFolder> {
  const script = await readFile(join(ROOT, 'tools/with-node.sh'), 'utf8');
  const cpu = ARCHITECTURES[architecture];
  const pinned = /^pinned=(\S+)/m.exec(script)?.[1] ?? '';
  const sha512 = new RegExp(String.raw`^sha512_${cpu}=(\w+)`, 'm').exec(script)?.[1] ?? '';
  const name = `node-linux-${cpu}`;
  const archive = join(CACHE, `${name}-${pinned}.tgz`);
  const folder = join(CACHE, `${name}-${pinned}`);
  await mkdir(folder, { recursive: true });
  if (!existsSync(archive))
    await perform(['npm', 'pack', '--silent', '--pack-destination', CACHE, `${name}@${pinned}`]);
  await perform(['sh', '-c', `echo "${sha512}  ${archive}" | sha512sum --check --quiet`]);
  await perform(['tar', '-xzf', archive, '-C', folder, '--strip-components=1']);
  return { binary: join(folder, 'bin/node'), license: join(folder, 'LICENSE') };
}

/**
 * Makes a program with its Node.js in one file: a single executable application. V8's code cache is
 * left out, because it differs from build to build and saves no time that could be measured.
 *
 * @param file its path
 */
export async function buildExecutable(
  { name, hasNetlink }: PackagedProgram,
  { architecture, node }: Readonly<{ architecture: Architecture; node: NodeFolder }>,
  file: string,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const stripped = `${file}.node`;
  await cp(node.binary, stripped);
  await perform([STRIP[architecture], '--strip-unneeded', stripped]);
  const prebuilt = `linux-${ARCHITECTURES[architecture]}/node.napi.node`;
  const config = {
    main: join(ROOT, 'apps', name, 'dist/main.js'),
    mainFormat: 'module',
    executable: stripped,
    output: file,
    disableExperimentalSEAWarning: true,
    execArgv: await launcherFlags(name),
    execArgvExtension: 'none',
    ...(hasNetlink && {
      assets: { 'netlink.node': join(ROOT, 'node_modules/netlink/prebuilds', prebuilt) },
    }),
  };
  await writeFile(`${file}.json`, JSON.stringify(config));
  await perform([process.execPath, '--build-sea', `${file}.json`]);
}

/** The flags of Node.js with which the launcher of `npm run build` starts the program. */
async function launcherFlags(name: string): Promise<readonly string[]> {
  const launcher = await readFile(join(ROOT, 'dist/bin', name), 'utf8');
  const [, flags] = /^exec "\$node" (.*) "\$root/m.exec(launcher) ?? [];
  if (flags === undefined) throw new Error(`dist/bin/${name} does not start Node.js`);
  return flags.split(' ');
}

/** @throws {Error} with the program's output if it fails */
export async function perform(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { exitCode, output } = await run(argv, { env });
  if (exitCode !== 0) throw new Error(`\`${argv.join(' ')}\` ended with ${exitCode}:\n${output}`);
  return output;
}
