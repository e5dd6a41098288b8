import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

it('the example of the README prints the output in its last comments', async () => {
  const folder = join(import.meta.dirname, '../..');
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const promised = [...readme.matchAll(/^\/\/ (10\..*)$/gm)].map(([, line]) => line);
  expect(promised).toHaveLength(2);
  expect(await runReadmeExample(folder)).toBe(`${promised.join('\n')}\n`);
});
