import { join } from 'node:path';

import { expect, it } from 'vitest';

import { inOwnNamespace } from '../../../vitest.namespace.js';
import { promisedOutput, runPageExample } from '../../../vitest.readme.js';

inOwnNamespace('tests/integration/guides.test.ts', () => {
  it('the program of "Program nftables atomically" prints what the guide says', async () => {
    const page = join(import.meta.dirname, '../../../docs/guides/program-nftables.md');
    const packageDir = join(import.meta.dirname, '../..');
    expect(await runPageExample(page, { packageDir })).toBe(await promisedOutput(page));
  });
});
