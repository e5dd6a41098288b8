import type { Metrics } from '@nodeagent/base';

import type { Features } from '../codec/parse-features.js';
import { FEATURE_GATES, type FeatureName, type FeatureStage } from '../model/feature-gates.js';

/** Generally available features have an empty stage. */
const STAGES: Readonly<Record<FeatureStage, string>> = {
  alpha: 'ALPHA',
  beta: 'BETA',
  ga: '',
  deprecated: 'DEPRECATED',
};

/**
 * Sets `kubernetes_feature_enabled{name, stage}` for each feature gate: 1 if the feature is on.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/component-base/metrics/prometheus/feature/metrics.go
 */
export function recordFeatures(metrics: Metrics, features: Features): void {
  const gauge = metrics.gauge({
    name: 'kubernetes_feature_enabled',
    help: 'Feature gates: 1 if the feature is on, 0 if it is off.',
    labelNames: ['name', 'stage'],
  });
  for (const [name, { stage }] of Object.entries(FEATURE_GATES)) {
    gauge.set(features[name as FeatureName] ? 1 : 0, { name, stage: STAGES[stage] });
  }
}
