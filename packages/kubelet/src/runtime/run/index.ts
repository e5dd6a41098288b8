export { createPodRuntime, type PodRuntimePorts } from './cri-pod-runtime.js';
export { createFieldReader } from './field-reader.js';
export { meterCri } from './metered-cri.js';
export { createRuntimeMeter } from './runtime-metrics.js';
export { checkResolvConf } from './sandboxes.js';
export { traceCri } from './traced-cri.js';
export { UserNamespaces } from './user-namespaces.js';
