export { hostIpsOf } from './plan/host-ips.js';
export type { HealthServer } from './ports.js';
export { OwnNode } from './run/own-node.js';
export { createNodeEvents, createNodeInputs } from './run/node-inputs.js';
export { TurnWatch } from './run/turn-watch.js';
