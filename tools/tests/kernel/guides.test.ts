import { join } from 'node:path';

import { expect, it } from 'vitest';

import { promisedOutput, runPageExample } from '../../../vitest.readme.js';

it('the program of "Replace ipvsadm in ten minutes" prints what the guide says', async () => {
  const page = join(import.meta.dirname, '../../../docs/guides/replace-ipvsadm.md');
  const packageDir = join(import.meta.dirname, '../..');
  expect(await runPageExample(page, { packageDir })).toBe(await promisedOutput(page));
});
