export { createNodeEvents, createNodeInputs } from './node-inputs.js';
export { OwnNode } from './own-node.js';
export { TurnWatch } from './turn-watch.js';
