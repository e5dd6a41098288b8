export { readConfigFile } from './config-file.js';
export { collectWhenIdle } from './idle-memory.js';
export { createLogger, type LoggerOptions } from './logger.js';
export { createPrometheusMetrics, type PrometheusMetrics } from './prometheus.js';
export { signalsToAbort } from './signals.js';
