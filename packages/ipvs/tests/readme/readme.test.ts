import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

it('the example of the README drains the old server', async () => {
  const printed = await runReadmeExample(join(import.meta.dirname, '../..'));
  expect(printed).toContain('-A -t 192.0.2.10:80 -s wrr -p 300\n');
  expect(printed).toContain('{"connections":"0",');
  expect(printed).toContain(
    'add-destination tcp 192.0.2.10:80 → 10.1.0.3:8080\n' +
      'update-destination tcp 192.0.2.10:80 → 10.1.0.2:8080 (weight 1 → 0)\n',
  );
});
