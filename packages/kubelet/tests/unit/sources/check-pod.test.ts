import { expect, it } from 'vitest';

import { checkPod } from '../../../src/sources/codec/check-pod.js';
import { aPod } from '../../../src/testing/index.js';

it('refuses a pod with an unknown member too deep to serialize', () => {
  const deep: unknown = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
  const pod = { ...aPod(), status: { containerStatuses: [], nobody: deep } };
  expect(() => checkPod(pod)).toThrow(new TypeError('the pod: expected at most 100 levels'));
});
