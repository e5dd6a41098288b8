/**
 * The steps of `.ci/run`: all tests with checks of the sources beside them, checks of the packages,
 * the demo. The last line adds up tests and checks.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { inLanes } from '../test/lanes.ts';
import { ROOT, run } from '../test/process.ts';
import { add, NOTHING, summaryLine, type Tally } from '../test/reports.ts';
import { runTests } from '../test/run-tests.ts';
import { TIERS } from '../test/tiers.ts';
import { BUILD, type Check, packageChecks, runCheck, SOURCE_CHECKS } from './checks.ts';

const DEMO: Check = {
  name: 'demo',
  argv: ['npm', 'run', 'demo', '--silent', '--', '--once', '--json'],
};

/** As many at a time as there are cores: each computes rather than waits. */
async function runChecks(checks: readonly Check[]): Promise<Tally> {
  const outcomes = await inLanes(checks, availableParallelism(), runCheck);
  const tallies = outcomes.map((passed, i) => {
    const one = passed ? { passed: 1 } : { failed: 1, failures: [checks[i]?.name ?? ''] };
    return { ...NOTHING, ...one };
  });
  return tallies.reduce(add, NOTHING);
}

const startedMs = performance.now();
process.env['NX_CACHE_DIRECTORY'] = join(ROOT, '.nx/cache'); // a clone starts clean
let total = await runChecks([BUILD]);
let checked = NOTHING;
const checkSources = async (): Promise<void> => {
  checked = await runChecks(SOURCE_CHECKS);
};
const names = TIERS.map(({ name }) => name);
total = add(total, await runTests(names, checkSources)); // virtual machines boot meanwhile
total = add(total, checked);
total = add(total, await runChecks(await packageChecks()));
total = add(total, await runChecks([DEMO]));
const { output: leftovers } = await run(['git', 'status', '--porcelain']);
if (leftovers.trim() !== '') {
  console.log(`✗ the run changed files that git tracks or should ignore:\n${leftovers}`);
  total = add(total, { ...NOTHING, failed: 1, failures: ['clean work tree'] });
}
for (const failure of total.failures) console.log(`✗ ${failure}`);
console.log(`${((performance.now() - startedMs) / 60_000).toFixed(1)} minutes`);
console.log(summaryLine(total));
process.exitCode = total.failed === 0 ? 0 : 1;
