export { completeIdentity, type ConfigPlace, type KubeletIdentity } from './model/identity.js';
export { containerLogsDir } from './model/log-paths.js';
export type { NodeMachine } from './model/machine.js';
export { type RuntimeConnection, runtimeConnection } from './plan/peer-rules.js';
export { crashLoopRules, pullRules } from './plan/pod-rules.js';
export { runtimeSettings } from './plan/runtime-settings.js';
export { healthListener } from './plan/server-rules.js';
export type {
  CertificateAdapters,
  CriServices,
  KubeletAdapters,
  KubeletFiles,
  NodeApiConnection,
  OpenApi,
  Readings,
  RunningTracer,
} from './ports.js';
