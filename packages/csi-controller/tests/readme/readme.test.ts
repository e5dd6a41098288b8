import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

it('the example of the README makes a volume', async () => {
  const printed = await runReadmeExample(join(import.meta.dirname, '../..'));
  expect(printed).toBe('pvc-42 1Gi\n');
});
