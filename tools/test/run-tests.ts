import { run } from './process.ts';
import { add, NOTHING, summaryLine, type Tally } from './reports.ts';
import { type Beside, runTiers, type TierResult } from './run-tiers.ts';
import { TIERS } from './tiers.ts';

export function say(message: string): void {
  console.log(`▸ ${message}`);
}

/** @returns the sum over all tiers; a tier that cannot run here adds nothing */
export async function runTests(names: readonly string[], beside?: Beside): Promise<Tally> {
  say('building');
  const build = await run(['nx', 'run-many', '-t', 'build', '--output-style=static']);
  if (build.exitCode !== 0) {
    process.stdout.write(build.output);
    return { ...NOTHING, failed: 1, failures: ['the build failed'] };
  }
  const results = await runTiers(
    TIERS.filter(({ name }) => names.includes(name)),
    say,
    beside,
  );
  results.forEach(show);
  const total = results.map(({ tally }) => tally).reduce(add, NOTHING);
  for (const failure of total.failures) console.log(`✗ ${failure}`);
  return total;
}

function show({ tier, tally, byProject, cannotRun }: TierResult): void {
  if (cannotRun !== undefined) console.log(`  ${tier} cannot run here: ${cannotRun}`);
  for (const [project, own] of byProject)
    console.log(`  ${project.padEnd(28)} ${summaryLine(own)}`);
  if (cannotRun === undefined) console.log(`  ${tier.padEnd(28)} ${summaryLine(tally)}`);
}
