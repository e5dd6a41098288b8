import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

it('the example of the README prints what it says', async () => {
  const packageDir = join(import.meta.dirname, '../..');
  const readme = await readFile(join(packageDir, 'README.md'), 'utf8');
  const said = /^```text\n(.*?)^```$/ms.exec(readme)?.[1];
  expect(await runReadmeExample(packageDir)).toBe(said);
});
