export { MEASURE, NodeMeasurer } from './measure-node.js';
export { PodDisks } from './pod-disks.js';
export { createStatsHandlers } from './stats-handlers.js';
