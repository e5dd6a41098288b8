export {
  type Flow,
  type FlowPattern,
  type FlowProtocol,
  type FlowQuery,
  type FlowTuple,
  matchesFlow,
} from './model/conntrack.js';
export type { Conntrack } from './ports.js';
export { createConntrack } from './run/conntrack.js';
export { KernelConntrack, type KernelConntrackOptions } from './run/kernel-conntrack.js';
