export { maySwap } from './plan/container-swap.js';
export {
  LABEL_CONTAINER_NAME,
  LABEL_POD_NAME,
  LABEL_POD_NAMESPACE,
  LABEL_POD_UID,
} from './model/labels.js';
export { defaultIdRange, type IdRange, rangeProblem, subIdRange } from './plan/user-namespace.js';
export type { RuntimeMachine } from './plan/machine.js';
export { loopbacksOf } from './plan/dns.js';
export { allowlistProblem } from './plan/pull-verification.js';
export { containerConfig } from './plan/container-config.js';
export { sandboxConfig } from './plan/sandbox-config.js';
export type {
  HookCaller,
  PodFiles,
  PullRecordFiles,
  Surroundings,
  UserNamespaceFiles,
} from './ports.js';
export { createPodRuntime, type PodRuntimePorts } from './run/cri-pod-runtime.js';
export { createFieldReader } from './run/field-reader.js';
export type { PullRules } from './run/images.js';
export { meterCri } from './run/metered-cri.js';
export { createPullMeter } from './run/pull-metrics.js';
export { traceCri } from './run/traced-cri.js';
export { createRuntimeWatch } from './run/runtime-watch.js';
export { checkResolvConf } from './run/sandboxes.js';
export type { RuntimeSettings } from './run/settings.js';
export { UserNamespaces } from './run/user-namespaces.js';
