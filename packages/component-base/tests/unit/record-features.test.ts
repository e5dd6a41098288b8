import { MemoryMetrics } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import { FEATURE_GATES, parseFeatures, recordFeatures } from '../../src/index.js';

it('counts each feature with its stage', () => {
  const metrics = new MemoryMetrics();
  recordFeatures(metrics, parseFeatures({ EventedPLEG: true, EnvFiles: false }).features);
  const valueOf = (name: string, stage: string) =>
    metrics.values.get(`kubernetes_feature_enabled{name="${name}",stage="${stage}"}`);
  expect(valueOf('EventedPLEG', 'ALPHA')).toBe(1);
  expect(valueOf('EnvFiles', 'BETA')).toBe(0);
  expect(valueOf('NodeSwap', '')).toBe(1);
  expect(valueOf('DisableNodeKubeProxyVersion', 'DEPRECATED')).toBeDefined();
  expect(Object.keys(FEATURE_GATES)).toHaveLength(242);
});
