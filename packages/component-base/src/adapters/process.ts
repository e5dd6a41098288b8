export { readConfigFile } from './config-file.js';
export { collectWhenIdle } from './idle-memory.js';
export { createLogger, type LoggerOptions } from './logger.js';
export { adjustOomScore } from './oom-score.js';
export { createPrometheusMetrics, type PrometheusMetrics } from './prometheus.js';
export { signalsToAbort } from './signals.js';
