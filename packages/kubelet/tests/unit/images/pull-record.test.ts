import { expect, test } from 'vitest';

import { parseRecord } from '../../../src/images/codec/pull-record.js';

function record(credentialMapping: unknown): string {
  const kind = { kind: 'ImagePulledRecord', apiVersion: 'kubelet.config.k8s.io/v1beta1' };
  return JSON.stringify({ ...kind, lastUpdatedTime: 'x', imageRef: 'y', credentialMapping });
}

test.each([
  ['a list', []],
  ['grants that are a text', { busybox: 'all' }],
  ['a flag that is a text', { busybox: { nodePodsAccessible: 'false' } }],
  ['secrets that are an object', { busybox: { kubernetesSecrets: {} } }],
  [
    'a secret without a hash',
    { busybox: { kubernetesSecrets: [{ uid: 'u', namespace: 'n', name: 's' }] } },
  ],
  ['an account that is null', { busybox: { kubernetesServiceAccounts: [null] } }],
])('a pull record with %s grants nothing', (_, mapping) => {
  expect(parseRecord(record(mapping))).toBeUndefined();
});

test('a pull record is parsed with its owners', () => {
  const mapping = {
    busybox: { kubernetesServiceAccounts: [{ uid: 'u', namespace: 'n', name: 's' }] },
  };
  expect(parseRecord(record(mapping))?.credentialMapping).toEqual(mapping);
});
