import { PERSISTENT_VOLUME_CLAIMS } from '@nodeagent/kube-client';
import { expect, it } from 'vitest';

import { Cluster } from '../../../src/controllers/run/cluster.js';

it('an object that a watch has shown to be gone does not come back with a late answer', () => {
  const cluster = new Cluster();
  const sink = cluster.sink('persistentVolumeClaims');
  const claim = { metadata: { namespace: 'a', name: 'c', uid: 'u', resourceVersion: '1' } };
  sink.upsert('a/c', claim);
  sink.remove('a/c');
  const deletionTimestamp = '2026-01-01T00:00:00Z';
  const answer = { metadata: { ...claim.metadata, resourceVersion: '2', deletionTimestamp } };
  cluster.learn(PERSISTENT_VOLUME_CLAIMS, answer);
  expect(cluster.view.persistentVolumeClaims.size).toBe(0);
  cluster.learn(PERSISTENT_VOLUME_CLAIMS, claim);
  expect(cluster.view.persistentVolumeClaims.size).toBe(1);
});
