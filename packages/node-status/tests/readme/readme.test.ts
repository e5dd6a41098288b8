import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

it('the README example describes this machine', async () => {
  const folder = join(import.meta.dirname, '../..');
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const promised = /^\/\/ (\[.*\])$/m.exec(readme)?.[1];
  const [machine, ready] = (await runReadmeExample(folder, 1)).split('\n');
  expect(machine).toMatch(/^\d+ \d+\w* \d+\w* \S/);
  expect(ready).toBe(promised);
});

it('one call of the README prints the name, the capacity and the addresses', async () => {
  const printed = await runReadmeExample(join(import.meta.dirname, '../..'));
  expect(printed).toMatch(/^[\w.-]+ \{/);
  expect(printed).toContain('memory:');
  expect(printed).toContain("type: 'Hostname'");
});
