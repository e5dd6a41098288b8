import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

it('the example of the README asks its own server', async () => {
  expect(await runReadmeExample(join(import.meta.dirname, '../..'))).toBe('hahaha\n');
});
