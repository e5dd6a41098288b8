import { run } from '../test/process.ts';
import { listProjects } from '../test/projects.ts';

/** One command; its exit code is the result. */
export interface Check {
  readonly name: string;
  readonly argv: readonly string[];
  /** A folder below the repository's root; the root when absent. */
  readonly cwd?: string;
  /** Its output is shown even if it passes. */
  readonly isShown?: boolean;
}

const nx = (...targets: readonly string[]): readonly string[] => [
  ...['nx', 'run-many', '--output-style=static', '-t'],
  ...targets,
];

/** Writes files that the other checks read. */
export const BUILD: Check = { name: 'build', argv: nx('build') };

/** Checks to pass before any test is worth running; the slowest come first. */
export const SOURCE_CHECKS: readonly Check[] = [
  { name: 'lint', argv: ['oxlint'] },
  { name: 'structure', argv: ['eslint', '.'] },
  { name: 'types', argv: ['tsc', '-p', '.'] },
  { name: 'documentation site', argv: ['node', 'tools/docs/main.ts'], isShown: true },
  { name: 'format', argv: ['prettier', '--check', '.'] },
  { name: 'knip', argv: ['knip'] },
  { name: 'lock file is whole', argv: ['npm', 'ci', '--dry-run', '--loglevel=error'] },
  { name: 'errors documented', argv: ['node', 'tools/check-errors-documented.ts'] },
  {
    name: 'ipvs is independent of Kubernetes',
    argv: ['node', 'tools/check-ipvs-package.ts'],
    isShown: true,
  },
  { name: 'dependencies listed', argv: ['node', 'tools/check-dependencies.ts'] },
  { name: 'regular expressions are linear', argv: ['node', 'tools/check-patterns.ts'] },
  { name: 'folder roles followed', argv: ['node', 'tools/check-architecture.ts'] },
  { name: 'dependencies are what is imported', argv: ['node', 'tools/check-manifests.ts'] },
  {
    name: 'metrics are those of Kubernetes',
    argv: ['node', '--conditions=@nodeagent/source', 'tools/check-metrics.ts'],
  },
  { name: 'settings act, warn or are refused', argv: ['node', 'tools/check-settings.ts'] },
  { name: 'documentation names existing tests', argv: ['node', 'tools/check-conformance.ts'] },
];

/** Releases copies of all packages to a temporary registry, and sees that only those move that must. */
const REHEARSAL: Check = {
  name: 'release rehearsal',
  argv: ['npm', 'run', 'release', '--silent', '--', '--dry-run'],
};

/** Finds problems that users of a published package would have. */
export async function packageChecks(): Promise<readonly Check[]> {
  const published = (await listProjects()).filter((project) => project.published);
  const each = published.flatMap(({ name, dir }) => [
    { name: `publint ${name}`, argv: ['publint', '--strict'], cwd: dir },
    {
      name: `are the types wrong ${name}`,
      argv: ['attw', '--pack', '.', '--profile', 'esm-only', '--no-emoji'],
      cwd: dir,
    },
  ]);
  return [REHEARSAL, ...each];
}

/** @returns true if it passed; otherwise the output is shown */
export async function runCheck({ name, argv, cwd, isShown }: Check): Promise<boolean> {
  const startedMs = performance.now();
  const { exitCode, output } = await run(argv, cwd === undefined ? {} : { cwd });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  console.log(`${exitCode === 0 ? '✓' : '✗'} ${name} (${seconds} s)`);
  if (exitCode !== 0 || isShown === true) console.log(output.trimEnd().slice(-12_000));
  return exitCode === 0;
}
