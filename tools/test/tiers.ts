import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { runKernelTests } from '../kernel/run-vitest.ts';
import { SetupError, whyNoLinuxRoot } from '../setup/machine.ts';
import { ensurePackages, type Progress, type Purpose } from '../setup/packages.ts';
import { type Outcome, ROOT, run } from './process.ts';
import { hasTier, listProjects, type Project } from './projects.ts';
import { add, NOTHING, readReport, type Tally } from './reports.ts';

export interface Tier {
  readonly name: string;
  readonly about: string;
  /** What has to be on the machine; a tier without any runs everywhere. */
  readonly purposes: readonly Purpose[];
  readonly needsRoot: boolean;
}

/** In the order in which they run: the quickest answers first. */
export const TIERS: readonly Tier[] = [
  {
    name: 'unit',
    about: 'unit, golden, contract and README tests',
    purposes: [],
    needsRoot: false,
  },
  {
    name: 'integration',
    about: 'real containerd, iptables, registries and API clients',
    purposes: ['containers', 'network', 'registry', 'kubectl', 'kernel'],
    needsRoot: true,
  },
  {
    name: 'kernel',
    about: 'IPVS, dummy devices and cgroup v2 in a user-mode kernel',
    purposes: ['kernel'],
    needsRoot: true,
  },
  { name: 'packages', about: 'published, installed and imported', purposes: [], needsRoot: false },
  {
    name: 'e2e',
    about: 'a whole node',
    purposes: ['containers', 'network', 'kubectl'],
    needsRoot: true,
  },
];

export interface TierResult {
  readonly tier: string;
  readonly tally: Tally;
  readonly byProject: ReadonlyMap<string, Tally>;
  /** Why it could not run here. */
  readonly cannotRun?: string;
}

export async function runTier(tier: Tier, progress: Progress): Promise<TierResult> {
  const nothing = { tier: tier.name, tally: NOTHING, byProject: new Map<string, Tally>() };
  const cannotRun = tier.needsRoot ? whyNoLinuxRoot(`The ${tier.name} tier`) : undefined;
  if (cannotRun !== undefined) return { ...nothing, cannotRun };
  try {
    await ensurePackages(tier.purposes, progress);
  } catch (error) {
    // A tier that could run here but for its set-up has failed, it is not skipped.
    if (!(error instanceof SetupError)) throw error;
    return { ...nothing, tally: { ...NOTHING, failed: 1, failures: [error.message] } };
  }
  const projects = await listProjects();
  const tests = tier.name === 'unit' ? runCached(projects) : runSerially(tier, projects, progress);
  const byProject = await tests;
  const tally = [...byProject.values()].reduce(add, NOTHING);
  return { tier: tier.name, tally, byProject };
}

/** Through Nx: side by side, and from its cache where nothing changed. */
async function runCached(projects: readonly Project[]): Promise<ReadonlyMap<string, Tally>> {
  const outcome = await run(['nx', 'run-many', '-t', 'test', '--output-style=static']);
  const tallies = new Map<string, Tally>();
  for (const project of projects) {
    const tally = await tallyOf(project, 'unit');
    if (tally !== undefined) tallies.set(project.name, tally);
  }
  return withUnexplained(tallies, outcome);
}

async function runSerially(
  tier: Tier,
  projects: readonly Project[],
  progress: Progress,
): Promise<ReadonlyMap<string, Tally>> {
  const tallies = new Map<string, Tally>();
  for (const project of projects) {
    if (!(await hasTier(project, tier.name))) continue;
    progress(`${tier.name}: ${project.name}`);
    await rm(join(ROOT, project.dir, 'reports', `${tier.name}.json`), { force: true });
    const outcome = await runProject(tier, project);
    const tally = await tallyOf(project, tier.name);
    const own = new Map([[project.name, tally ?? NOTHING]]);
    for (const [name, value] of withUnexplained(own, outcome)) tallies.set(name, value);
    if (outcome.exitCode !== 0) process.stdout.write(outcome.output);
  }
  return tallies;
}

function runProject(tier: Tier, { dir }: Project): Promise<Outcome> {
  if (tier.name === 'kernel') return runKernelTests({ dir });
  return run(['vitest', 'run'], { cwd: join(ROOT, dir), env: { NODEAGENT_TIER: tier.name } });
}

/** A run that failed although no test did (it crashed, say) is a failure all the same. */
function withUnexplained(
  tallies: ReadonlyMap<string, Tally>,
  { exitCode, output }: Outcome,
): ReadonlyMap<string, Tally> {
  const failed = [...tallies.values()].some((tally) => tally.failed > 0);
  if (exitCode === 0 || failed) return tallies;
  const failures = [`the test run ended with code ${exitCode}:\n${output.slice(-4000)}`];
  return new Map([...tallies, ['(runner)', { ...NOTHING, failed: 1, failures }]]);
}

async function tallyOf({ dir }: Project, tier: string): Promise<Tally | undefined> {
  const path = join(ROOT, dir, 'reports', `${tier}.json`);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : readReport(text);
}
