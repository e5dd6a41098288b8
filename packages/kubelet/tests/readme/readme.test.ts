import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

const PACKAGE = join(import.meta.dirname, '../..');

it('a kubelet on a node in memory runs a pod', async () => {
  const lines = (await runReadmeExample(PACKAGE)).trim().split('\n');
  expect(lines.at(-1)).toBe('web Running');
});

it('the example of the README explains four plans', async () => {
  const printed = await runReadmeExample(PACKAGE, 1);
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
