export type { RuntimeSettings } from './model/settings.js';
export { containerConfig, nextRun } from './plan/container-config.js';
export { maySwap } from './plan/container-swap.js';
export { loopbacksOf } from './plan/dns.js';
export type { RuntimeMachine } from './plan/machine.js';
export { sandboxConfig } from './plan/sandbox-config.js';
export { defaultIdRange, type IdRange, rangeProblem, subIdRange } from './plan/user-namespace.js';
export type { HookCaller, PodFiles, Surroundings, UserNamespaceFiles } from './ports.js';
