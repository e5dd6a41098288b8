/**
 * `npm test`: sets up the machine for the tests, runs every tier that this machine can run, reports
 * why others cannot run, and adds everything up in the last line.
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
