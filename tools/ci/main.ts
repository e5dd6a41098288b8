/**
 * What `.ci/run` does: checks of the sources, all tests, checks of the packages, the demo. Ends with
 * one line that adds up tests and checks.
 */
import { run } from '../test/process.ts';
import { add, NOTHING, summaryLine, type Tally } from '../test/reports.ts';
import { runTests } from '../test/run-tests.ts';
import { TIERS } from '../test/tiers.ts';
import { type Check, packageChecks, runCheck, SOURCE_CHECKS } from './checks.ts';

const DEMO: Check = {
  name: 'demo',
  argv: ['npm', 'run', 'demo', '--silent', '--', '--once', '--json'],
};

async function runChecks(checks: readonly Check[]): Promise<Tally> {
  let tally = NOTHING;
  for (const check of checks) {
    const passed = await runCheck(check);
    const one = passed ? { passed: 1 } : { failed: 1, failures: [check.name] };
    tally = add(tally, { ...NOTHING, ...one });
  }
  return tally;
}

const startedMs = performance.now();
let total = await runChecks(SOURCE_CHECKS);
total = add(total, await runTests(TIERS.map(({ name }) => name)));
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
