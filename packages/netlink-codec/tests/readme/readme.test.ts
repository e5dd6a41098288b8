import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

it('the README example lists the interfaces', async () => {
  expect(await runReadmeExample(join(import.meta.dirname, '../..'))).toBe('true\n');
});
