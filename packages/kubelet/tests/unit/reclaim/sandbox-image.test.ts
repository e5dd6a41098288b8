import { expect, it } from 'vitest';

import { sandboxImageOf } from '../../../src/reclaim/plan/sandbox-image.js';

it.each([
  [{ config: '{"sandboxImage":"pause:1"}' }, 'pause:1'],
  [{ config: '{"pinnedImages":{"sandbox":"pause:2"}}' }, 'pause:2'],
  [{ config: '{"sandboxImage":""}' }, undefined],
  [{ config: 'null' }, undefined],
  [{ config: 'not JSON' }, undefined],
  [{}, undefined],
])('the sandbox image in %j is %s', (info, want) => {
  expect(sandboxImageOf(info)).toBe(want);
});
