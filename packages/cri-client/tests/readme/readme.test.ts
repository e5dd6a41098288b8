import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

it('the README example prints the output it shows', async () => {
  const printed = await runReadmeExample(join(import.meta.dirname, '../..'));
  expect(printed).toBe('the container is running\nhello from the container\ngone\n');
}, 60_000);
