import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

it('the example of the README explains four plans', async () => {
  const printed = await runReadmeExample(join(import.meta.dirname, '../..'));
  expect(printed.split('\n\n').map((plan) => plan.trim().split('\n'))).toEqual([
    ['create-sandbox: the pod has no sandbox yet', 'start-container: the sandbox is new'],
    ['start-container: it ended with exit code 1'],
    [
      'stop-container: Container app definition changed, will be restarted',
      'start-container: its definition changed',
    ],
    [
      'stop-pod: the newest sandbox is not ready',
      'create-sandbox: the newest sandbox is not ready',
      'start-container: the sandbox is new',
    ],
    [''],
  ]);
});
