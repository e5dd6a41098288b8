export { parseSummary } from './codec/summary.js';
export { isSignal, SIGNALS } from './model/signal.js';
export { type EvictionExplanation, explainEviction } from './plan/explain-eviction.js';
export { configuredThresholds } from './plan/thresholds.js';
export type { NodeGauge } from './ports.js';
export { renderEviction } from './render/eviction-text.js';
