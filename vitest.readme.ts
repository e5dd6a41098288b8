import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import ts from 'typescript';

/**
 * Compiles and runs a `ts` block of a package's README as a program of its own.
 *
 * @param packageDir the package's folder, from which `node_modules` is found
 * @param index which of the blocks, the first when absent
 * @returns what it printed, without colours
 * @throws when it does not type-check, or fails
 */
export async function runReadmeExample(packageDir: string, index = 0): Promise<string> {
  const readme = await readFile(join(packageDir, 'README.md'), 'utf8');
  const source = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)][index]?.[1];
  if (source === undefined)
    throw new Error(`${packageDir}/README.md lacks \`\`\`ts block ${index}`);
  const parent = join(packageDir, 'reports');
  await mkdir(parent, { recursive: true });
  const dir = await mkdtemp(join(parent, 'readme-'));
  try {
    const file = join(dir, 'example.ts');
    await writeFile(file, source);
    typeCheck(file, packageDir);
    const vite = join(import.meta.dirname, 'node_modules/vite/dist/node/index.js');
    const runner = join(dir, 'run.mjs');
    await writeFile(runner, runnerSource(vite, file));
    const { stdout } = await promisify(execFile)(process.execPath, [runner], {
      cwd: packageDir,
      env: { ...process.env, FORCE_COLOR: '0' },
    });
    return stdout;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function typeCheck(file: string, packageDir: string): void {
  const config = ts.getParsedCommandLineOfConfigFile(join(packageDir, 'tsconfig.json'), undefined, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (problem) => {
      throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, '\n'));
    },
  });
  const program = ts.createProgram([file], { ...config?.options, noEmit: true });
  const problems = ts.getPreEmitDiagnostics(program);
  if (problems.length === 0) return;
  const host = {
    getCanonicalFileName: (name: string) => name,
    getCurrentDirectory: () => packageDir,
    getNewLine: () => '\n',
  };
  throw new Error(`README example does not compile:\n${ts.formatDiagnostics(problems, host)}`);
}

/** Runs the example on the packages' sources, so that nothing has to be built first. */
function runnerSource(vite: string, file: string): string {
  return `
import { createServerModuleRunner, createServer } from ${JSON.stringify(vite)};
const conditions = ['@nodeagent/source', 'module', 'node', 'development|production'];
const server = await createServer({
  configFile: false, logLevel: 'error', appType: 'custom', server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true }, resolve: { conditions }, ssr: { resolve: { conditions } },
});
const runner = createServerModuleRunner(server.environments.ssr);
await runner.import(${JSON.stringify(file)});
await runner.close();
await server.close();
`;
}
