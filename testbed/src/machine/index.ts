export { buildBaseImage } from './base-image.ts';
export type { ExecOptions } from './guest-agent.ts';
export type { ExtraDisk, Machine, MachineOptions } from './machine.ts';
export { createMachines, type Machines } from './machines.ts';
export { bootNode, type MachineNodeOptions, startService, untilHealthy } from './node.ts';
