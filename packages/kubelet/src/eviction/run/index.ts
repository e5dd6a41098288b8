export { EvictionManager, type EvictionOptions } from './eviction-manager.js';
export { createNodeGauge } from './node-gauge.js';
