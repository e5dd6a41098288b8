export { configuredThresholds } from './plan/thresholds.js';
export type { NodeGauge } from './ports.js';
