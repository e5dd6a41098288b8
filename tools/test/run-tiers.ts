import { readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';

import { runKernelTests } from '../kernel/run-vitest.ts';
import { SetupError, whyNoLinuxRoot } from '../setup/machine.ts';
import { ensurePackages, type Progress } from '../setup/packages.ts';
import { inLanes } from './lanes.ts';
import { type Outcome, ROOT, run } from './process.ts';
import { listProjects, listTestFiles, type Project } from './projects.ts';
import { add, NOTHING, readReport, summaryLine, type Tally } from './reports.ts';
import type { Tier } from './tiers.ts';

export interface TierResult {
  readonly tier: string;
  readonly tally: Tally;
  readonly byProject: ReadonlyMap<string, Tally>;
  /** The reason why it could not run here. */
  readonly cannotRun?: string;
}

/** Something else to do at the same time. */
export type Beside = () => Promise<void>;

/**
 * Runs tiers: the unit tests first. Then one project's tests of one tier run beside another's,
 * because they wait for programs; those that take longest start first. Runs that mostly wait have
 * lanes of their own, from the beginning.
 */
export async function runTiers(
  tiers: readonly Tier[],
  progress: Progress,
  beside?: Beside,
): Promise<readonly TierResult[]> {
  const projects = await listProjects();
  const results = new Map<Tier, TierResult>();
  const jobs: Job[] = [];
  for (const tier of tiers) {
    const hindered = await prepare(tier, progress);
    if (hindered !== undefined) results.set(tier, hindered);
    else if (tier.name !== 'unit') jobs.push(...(await jobsOf(tier, projects)));
  }
  jobs.sort((a, b) => b.seconds - a.seconds);
  const tallies: (readonly [tier: Tier, tallies: Tallies])[] = [];
  const perform = async (job: Job | Beside): Promise<void> => {
    if (typeof job === 'function') await job();
    else tallies.push([job.tier, await runJob(job, progress)]);
  };
  const computing = jobs.filter(({ tier }) => tier.mostlyWaits === undefined);
  const waiting = jobs.filter(({ tier }) => tier.mostlyWaits === true);
  const lanes = Math.min(MOST_LANES, availableParallelism());
  const compute = async (): Promise<void> => {
    const unit = tiers.find(({ name }) => name === 'unit');
    if (unit !== undefined) results.set(unit, await runUnit(unit, projects, progress));
    await inLanes([...(beside === undefined ? [] : [beside]), ...computing], lanes, perform);
  };
  await Promise.all([compute(), inLanes(waiting, WAITING_LANES, perform)]);
  for (const tier of tiers) {
    const own = tallies.flatMap(([of, found]) => (of === tier ? found : []));
    if (!results.has(tier)) results.set(tier, summarise(tier, addUp(own)));
  }
  return tiers.flatMap((tier) => results.get(tier) ?? []);
}

/** With more at a time, their containers disturb each other on any machine. */
const MOST_LANES = 3;
/** Two of them keep the memory below 6 GiB, and a processor busy when one boots. */
const WAITING_LANES = 2;

/** One project's tests of one tier, or one file of them. */
interface Job {
  readonly tier: Tier;
  readonly project: Project;
  /** Approximate duration. */
  readonly seconds: number;
  readonly file?: string;
}

type Tallies = readonly (readonly [name: string, tally: Tally])[];

async function jobsOf(tier: Tier, projects: readonly Project[]): Promise<readonly Job[]> {
  const all = await Promise.all(
    projects.map(async (project): Promise<readonly Job[]> => {
      const files = await listTestFiles(project, tier.name);
      const secondsOf = (file: string): number =>
        tier.secondsOf?.[basename(file)] ?? tier.secondsPerFile;
      if (tier.mostlyWaits === true) {
        return files.map((file) => ({ tier, project, seconds: secondsOf(file), file }));
      }
      const seconds = files.reduce((sum, file) => sum + secondsOf(file), 0);
      return [{ tier, project, seconds }];
    }),
  );
  return all.flat().filter(({ seconds }) => seconds > 0);
}

function addUp(tallies: Tallies): ReadonlyMap<string, Tally> {
  const sums = new Map<string, Tally>();
  for (const [name, tally] of tallies) sums.set(name, add(sums.get(name) ?? NOTHING, tally));
  return sums;
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

async function runJob(job: Job, progress: Progress): Promise<Tallies> {
  const { tier, project, file } = job;
  const report = reportOf(job);
  const name = `${tier.name}: ${project.name}${file === undefined ? '' : ` ${basename(file)}`}`;
  progress(name);
  const startMs = performance.now();
  await rm(join(ROOT, project.dir, 'reports', `${report}.json`), { force: true });
  const outcome = await runProject(job);
  const tally = (await tallyOf(project, report)) ?? NOTHING;
  const minutes = ((performance.now() - startMs) / 60_000).toFixed(1);
  if (outcome.exitCode !== 0) process.stdout.write(outcome.output);
  progress(`${name}: ${summaryLine(tally)} (${minutes} minutes)`);
  return [...withUnexplained(new Map([[project.name, tally]]), outcome)];
}

function summarise(tier: Tier, byProject: ReadonlyMap<string, Tally>): TierResult {
  return { tier: tier.name, tally: [...byProject.values()].reduce(add, NOTHING), byProject };
}

function runProject(job: Job): Promise<Outcome> {
  const { tier, project, file } = job;
  if (tier.name === 'kernel') return runKernelTests({ dir: project.dir });
  const env = {
    NODEAGENT_TIER: tier.name,
    NODEAGENT_REPORT: reportOf(job),
    // nothing may build at the same time: a build briefly removes programs that other tests run
    NODEAGENT_BUILT: 'true',
  };
  const argv = ['vitest', 'run', ...(file === undefined ? [] : [file])];
  return run(argv, { cwd: join(ROOT, project.dir), env });
}

/** The name of its report: runs of the same project and tier take place at the same time. */
function reportOf({ tier, file }: Job): string {
  return file === undefined ? tier.name : `${tier.name}-${basename(file, '.test.ts')}`;
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

async function tallyOf({ dir }: Project, report: string): Promise<Tally | undefined> {
  const path = join(ROOT, dir, 'reports', `${report}.json`);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : readReport(text);
}
