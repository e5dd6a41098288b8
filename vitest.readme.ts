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
  return runPageExample(join(packageDir, 'README.md'), { packageDir, index });
}

/** One program of a page, and the package within whose reach it runs. */
interface PageExample {
  readonly packageDir: string;
  /** Which of the page's `ts` blocks, the first when absent. */
  readonly index?: number;
}

/**
 * Compiles and runs a `ts` block of any page of Markdown.
 *
 * @returns what it printed, without colours
 * @throws when it does not type-check, or fails
 */
export async function runPageExample(
  page: string,
  { packageDir, index = 0 }: PageExample,
): Promise<string> {
  const text = await readFile(page, 'utf8');
  const source = [...text.matchAll(/^```ts\n(.*?)^```$/gms)][index]?.[1];
  if (source === undefined) throw new Error(`${page} lacks \`\`\`ts block ${index}`);
  const parent = join(packageDir, 'reports');
  await mkdir(parent, { recursive: true });
  const dir = await mkdtemp(join(parent, 'readme-'));
  try {
    const file = join(dir, 'example.ts');
    await writeFile(file, source);
    typeCheck([file], packageDir);
    const runner = join(dir, 'run.mjs');
    await writeFile(runner, runnerSource(file));
    const { stdout } = await promisify(execFile)(process.execPath, [runner], {
      cwd: packageDir,
      env: { ...process.env, FORCE_COLOR: '0' },
    });
    return stdout;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** A program of a doc comment. */
interface Example {
  readonly source: string;
  /** Otherwise it is only compiled. */
  readonly isRun: boolean;
}

/**
 * Compiles examples together and runs them one after the other in one process, which takes seconds
 * where a process for each would take minutes.
 *
 * @returns what each printed by `console.log`, without colours; undefined for those that are not run
 * @throws when one does not type-check, or fails
 */
export async function runExamples(
  examples: readonly Example[],
  packageDir: string,
): Promise<readonly (string | undefined)[]> {
  const parent = join(packageDir, 'reports');
  await mkdir(parent, { recursive: true });
  const dir = await mkdtemp(join(parent, 'examples-'));
  try {
    const files = examples.map((_, index) => join(dir, `example-${index}.ts`));
    await Promise.all(
      examples.map(({ source }, index) => writeFile(files[index] ?? '', `${source}export {};\n`)),
    );
    typeCheck(files, packageDir);
    const run = files.filter((_, index) => examples[index]?.isRun);
    const runner = join(dir, 'run.mjs');
    await writeFile(runner, runnerSource(...run));
    const { stdout } = await promisify(execFile)(process.execPath, [runner], {
      cwd: packageDir,
      env: { ...process.env, FORCE_COLOR: '0' },
    });
    const printed = stdout.split(END).slice(0, -1);
    return examples.map(({ isRun }) => (isRun ? printed.shift() : undefined));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/**
 * Returns the output that a page promises: its block in `text` after the words "It prints".
 *
 * @param index which of them, the first when absent
 */
export async function promisedOutput(page: string, index = 0): Promise<string> {
  const text = await readFile(page, 'utf8');
  const all = [...text.matchAll(/^It prints.*?:\n\n```text\n(.*?)^```$/gms)];
  const promised = all[index]?.[1];
  if (promised === undefined) throw new Error(`${page} does not say what it prints`);
  return promised;
}

function typeCheck(files: readonly string[], packageDir: string): void {
  const config = ts.getParsedCommandLineOfConfigFile(join(packageDir, 'tsconfig.json'), undefined, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (problem) => {
      throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, '\n'));
    },
  });
  const program = ts.createProgram(files, { ...config?.options, noEmit: true });
  const problems = ts.getPreEmitDiagnostics(program);
  if (problems.length === 0) return;
  const host = {
    getCanonicalFileName: (name: string) => name,
    getCurrentDirectory: () => packageDir,
    getNewLine: () => '\n',
  };
  throw new Error(`Example does not compile:\n${ts.formatDiagnostics(problems, host)}`);
}

/** Ends the output of each of several examples. */
const END = '\u0000';

/** Runs examples on the packages' sources, so that nothing has to be built first. */
function runnerSource(...files: readonly string[]): string {
  const vite = join(import.meta.dirname, 'node_modules/vite/dist/node/index.js');
  return `
import { createServerModuleRunner, createServer } from ${JSON.stringify(vite)};
const conditions = ['@nodeagent/source', 'module', 'node', 'development|production'];
const server = await createServer({
  configFile: false, logLevel: 'error', appType: 'custom', server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true }, resolve: { conditions }, ssr: { resolve: { conditions } },
});
const runner = createServerModuleRunner(server.environments.ssr);
for (const file of ${JSON.stringify(files)}) {
  await runner.import(file);
  ${files.length > 1 ? `process.stdout.write(${JSON.stringify(END)});` : ''}
}
await runner.close();
await server.close();
`;
}
