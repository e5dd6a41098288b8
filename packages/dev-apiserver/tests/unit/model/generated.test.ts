import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

it('the type table is what the client library has now', async () => {
  const script = join(import.meta.dirname, '../../../scripts/generate-types.mjs');
  await expect(promisify(execFile)(process.execPath, [script, '--check'])).resolves.toBeDefined();
}, 60_000);
