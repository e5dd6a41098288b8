import { readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { runKernelTests } from '../kernel/run-vitest.ts';
import { SetupError, whyNoLinuxRoot } from '../setup/machine.ts';
import { ensurePackages, type Progress, type Purpose } from '../setup/packages.ts';
import { inLanes } from './lanes.ts';
import { type Outcome, ROOT, run } from './process.ts';
import { countTestFiles, listProjects, type Project } from './projects.ts';
import { add, NOTHING, readReport, summaryLine, type Tally } from './reports.ts';

export interface Tier {
  readonly name: string;
  readonly about: string;
  /** Programs that the tier needs on the machine; a tier without any runs everywhere. */
  readonly purposes: readonly Purpose[];
  readonly needsRoot: boolean;
  /** Approximate duration; the longest tiers start first. */
  readonly secondsPerFile: number;
}

/** The tiers in the order of display: the quickest come first. */
export const TIERS: readonly Tier[] = [
  {
    name: 'unit',
    about: 'unit, golden, contract and README tests',
    purposes: [],
    needsRoot: false,
    secondsPerFile: 1,
  },
  {
    name: 'properties',
    about: 'mutated recorded data against every parser of untrusted data',
    purposes: [],
    needsRoot: false,
    secondsPerFile: 3,
  },
  {
    name: 'integration',
    about: 'real containerd, iptables, registries and API clients',
    purposes: [
      ...(['containers', 'network', 'registry', 'kubectl', 'kernel'] as const),
      ...(['packages', 'storage', 'systemd'] as const),
    ],
    needsRoot: true,
    secondsPerFile: 10,
  },
  {
    name: 'kernel',
    about: 'IPVS, dummy devices and cgroup v2 in a user-mode kernel',
    purposes: ['kernel'],
    needsRoot: true,
    secondsPerFile: 15,
  },
  {
    name: 'machine',
    about: 'a whole Debian with systemd and cgroup v2, in a virtual machine',
    purposes: ['machine', 'containers', 'network', 'packages'],
    needsRoot: true,
    secondsPerFile: 150,
  },
  {
    name: 'packages',
    about: 'published, installed and imported',
    purposes: [],
    needsRoot: false,
    secondsPerFile: 150,
  },
  {
    name: 'e2e',
    about: 'a whole node',
    purposes: ['containers', 'network', 'kubectl', 'storage'],
    needsRoot: true,
    secondsPerFile: 15,
  },
];

export interface TierResult {
  readonly tier: string;
  readonly tally: Tally;
  readonly byProject: ReadonlyMap<string, Tally>;
  /** The reason why it could not run here. */
  readonly cannotRun?: string;
}

/**
 * Runs tiers: the unit tests first. Then one project's tests of one tier run beside another's,
 * because they mostly wait; those that take longest start first.
 */
export async function runTiers(
  tiers: readonly Tier[],
  progress: Progress,
): Promise<readonly TierResult[]> {
  const projects = await listProjects();
  const results = new Map<Tier, TierResult>();
  const jobs: Job[] = [];
  for (const tier of tiers) {
    const hindered = await prepare(tier, progress);
    if (hindered !== undefined) results.set(tier, hindered);
    else if (tier.name === 'unit') results.set(tier, await runUnit(tier, projects, progress));
    else jobs.push(...(await jobsOf(tier, projects)));
  }
  jobs.sort((a, b) => b.seconds - a.seconds);
  const lanes = Math.min(MOST_LANES, availableParallelism() + 1); // while some wait, others compute
  const tallies = await inLanes(jobs, lanes, (job) => runJob(job, progress));
  for (const tier of tiers) {
    const own = tallies.filter((_, i) => jobs[i]?.tier === tier);
    if (!results.has(tier)) results.set(tier, summarise(tier, new Map(own.flat())));
  }
  return tiers.flatMap((tier) => results.get(tier) ?? []);
}

/** With more at a time, their containers disturb each other on any machine. */
const MOST_LANES = 3;

/** One project's tests of one tier. */
interface Job {
  readonly tier: Tier;
  readonly project: Project;
  /** Approximate duration. */
  readonly seconds: number;
}

type Tallies = readonly (readonly [name: string, tally: Tally])[];

async function jobsOf(tier: Tier, projects: readonly Project[]): Promise<readonly Job[]> {
  const all = await Promise.all(
    projects.map(async (project) => {
      const files = await countTestFiles(project, tier.name);
      return { tier, project, seconds: files * tier.secondsPerFile };
    }),
  );
  return all.filter(({ seconds }) => seconds > 0);
}

/** @returns why the tier cannot run; undefined when it can */
async function prepare(tier: Tier, progress: Progress): Promise<TierResult | undefined> {
  const cannotRun = tier.needsRoot ? whyNoLinuxRoot(`The ${tier.name} tier`) : undefined;
  if (cannotRun !== undefined) return { ...summarise(tier, new Map()), cannotRun };
  try {
    await ensurePackages(tier.purposes, progress);
    return undefined;
  } catch (error) {
    // A tier whose set-up failed on a suitable machine has failed; it is not skipped.
    if (!(error instanceof SetupError)) throw error;
    const failed = { ...NOTHING, failed: 1, failures: [error.message] };
    return summarise(tier, new Map([['(set-up)', failed]]));
  }
}

/** Runs through Nx: in parallel, and from its cache if nothing changed. */
async function runUnit(
  tier: Tier,
  projects: readonly Project[],
  progress: Progress,
): Promise<TierResult> {
  progress(`${tier.name}: ${tier.about}`);
  const outcome = await run(['nx', 'run-many', '-t', 'test', '--output-style=static']);
  const tallies = new Map<string, Tally>();
  for (const project of projects) {
    const tally = await tallyOf(project, tier.name);
    if (tally !== undefined) tallies.set(project.name, tally);
  }
  return summarise(tier, withUnexplained(tallies, outcome));
}

async function runJob({ tier, project }: Job, progress: Progress): Promise<Tallies> {
  const name = `${tier.name}: ${project.name}`;
  progress(name);
  const startMs = performance.now();
  await rm(join(ROOT, project.dir, 'reports', `${tier.name}.json`), { force: true });
  const outcome = await runProject(tier, project);
  const tally = (await tallyOf(project, tier.name)) ?? NOTHING;
  const minutes = ((performance.now() - startMs) / 60_000).toFixed(1);
  if (outcome.exitCode !== 0) process.stdout.write(outcome.output);
  progress(`${name}: ${summaryLine(tally)} (${minutes} minutes)`);
  return [...withUnexplained(new Map([[project.name, tally]]), outcome)];
}

function summarise(tier: Tier, byProject: ReadonlyMap<string, Tally>): TierResult {
  return { tier: tier.name, tally: [...byProject.values()].reduce(add, NOTHING), byProject };
}

function runProject(tier: Tier, { dir }: Project): Promise<Outcome> {
  if (tier.name === 'kernel') return runKernelTests({ dir });
  // nothing may build at the same time: a build briefly removes programs that other tests run
  const env = { NODEAGENT_TIER: tier.name, NODEAGENT_BUILT: 'true' };
  return run(['vitest', 'run'], { cwd: join(ROOT, dir), env });
}

/** A run that failed without a failing test (e.g. it crashed) still counts as a failure. */
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
