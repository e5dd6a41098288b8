import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

it('the example of the README finds both servers', async () => {
  const printed = await runReadmeExample(join(import.meta.dirname, '../..'));
  expect(printed).toContain(':WEB - [0:0]\n-A WEB -m tcp -p tcp -m statistic');
  expect(printed).toContain('10.1.0.1:8080 with probability 0.5\n10.1.0.2:8080');
});

it('the nftables example prints only the rule that is missing', async () => {
  const printed = await runReadmeExample(join(import.meta.dirname, '../..'), 1);
  expect(printed).toContain('tcp dport 443 limit rate 10/second burst 5 packets accept');
  expect(printed).not.toContain('tcp dport 22 ');
});
