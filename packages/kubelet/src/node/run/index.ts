export { keepUtilChains } from './keep-util-chains.js';
export { createNodeEvents, createNodeInputs, type NodeInputsOptions } from './node-inputs.js';
export { OwnNode } from './own-node.js';
export { runPodRanges } from './pod-ranges.js';
export { prepareKernel } from './prepare-kernel.js';
export { recordNodeName } from './record-node-name.js';
export { createStartupMeter } from './startup-meter.js';
export { TurnWatch } from './turn-watch.js';
export { watchSystemOom } from './watch-system-oom.js';
