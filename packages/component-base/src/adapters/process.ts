export { readConfigFile } from './config-file.js';
export { collectWhenIdle } from './idle-memory.js';
export { type LoggerOptions, type Logs, openLogs } from './logger.js';
export { adjustOomScore } from './oom-score.js';
export { limitOpenFiles } from './open-files.js';
export { createProfiler } from './profiler.js';
export {
  type Command,
  type Program,
  type ProgramOptions,
  type ProgramProcess,
  runProgram,
  startProgram,
} from './program.js';
export { createPrometheusMetrics, type PrometheusMetrics } from './prometheus.js';
export { takeServiceManager } from './service-manager.js';
export { signalsToAbort } from './signals.js';
