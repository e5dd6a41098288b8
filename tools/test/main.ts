/**
 * `npm test`: sets up what tests need, runs every tier that this machine can run, says why for
 * those that it cannot, and ends with one line that adds everything up.
 *
 *   npm test -- --tier unit,integration
 */
import { parseArgs } from 'node:util';

import { summaryLine } from './reports.ts';
import { runTests } from './run-tests.ts';
import { TIERS } from './tiers.ts';

const known = TIERS.map(({ name }) => name);
const { values } = parseArgs({ options: { tier: { type: 'string', default: known.join(',') } } });
const names = values.tier.split(',');
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`No such tier: ${unknown.join(', ')}. There are: ${known.join(', ')}.`);
  process.exit(2);
}
const total = await runTests(names);
console.log(summaryLine(total));
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
