import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

it('the README example describes this machine', async () => {
  const folder = join(import.meta.dirname, '../..');
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const promised = /^\/\/ (\[.*\])$/m.exec(readme)?.[1];
  const [machine, ready] = (await runReadmeExample(folder)).split('\n');
  expect(machine).toMatch(/^\d+ \d+\w* \d+\w* \S/);
  expect(ready).toBe(promised);
});
