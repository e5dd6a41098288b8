export { createHastyClock } from './hasty-clock.js';
export { ManualClock } from './manual-clock.js';
export { type LogLine, MemoryLogger } from './memory-logger.js';
export { MemoryMetrics } from './memory-metrics.js';
