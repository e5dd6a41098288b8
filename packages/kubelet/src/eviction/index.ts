export { configuredThresholds } from './plan/thresholds.js';
export type { EvictablePods, NodeGauge, NodeReclaim } from './ports.js';
