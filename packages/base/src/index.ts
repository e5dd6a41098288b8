export type { Brand } from './model/brand.js';
export {
  type CodedError,
  codedError,
  type CodedErrorClass,
  type ErrorGuard,
  errorGuard,
} from './model/coded-error.js';
export { isDeeperThan } from './model/depth.js';
export { formatGoDuration, parseGoDuration } from './model/duration.js';
export { isAborted } from './model/is-aborted.js';
export { type MountPoint, parseMountinfo } from './model/mountinfo.js';
export {
  parsePathSegment,
  type PathSegment,
  pathSegmentProblem,
  toPathSegment,
} from './model/path-segment.js';
export {
  cutAt,
  type Glob,
  globMatches,
  isRegularExpression,
  parseGlob,
  trimEndOf,
  trimStartOf,
} from './model/patterns.js';
export { type PemBlock, pemBlocks } from './model/pem.js';
export {
  formatQuantity,
  parseQuantity,
  type Quantity,
  type QuantityFormat,
  quantityToMilli,
  quantityToUnits,
  unitsToQuantity,
} from './model/quantity.js';
export { NO_METRICS, SILENT_LOGGER } from './model/silent.js';
export { formatTimestamp, parseTimestamp } from './model/timestamp.js';
export { wholeNumber } from './model/whole-number.js';
export {
  backoffLeftMs,
  type BackoffRules,
  type BackoffState,
  jittered,
  nextBackoff,
} from './plan/backoff.js';
export { DEFAULT_BUCKETS, exponentialBuckets } from './plan/buckets.js';
export { type Diff, diffByKey, type DiffRules } from './plan/diff.js';
export type {
  Clock,
  Counter,
  Gauge,
  Histogram,
  HistogramSpec,
  Labels,
  LogFields,
  Logger,
  Metrics,
  MetricSpec,
  Random,
  SpanSpec,
  Tracer,
} from './ports.js';
export { BoundedRunner, type BoundedRunnerOptions } from './run/bounded-runner.js';
export { type CallMeter, type CallMetrics, createCallMeter } from './run/call-meter.js';
export { KeyedQueue, type KeyedQueueOptions } from './run/keyed-queue.js';
export { type LoopOptions, runEvery } from './run/loop.js';
export { orAborted } from './run/or-aborted.js';
export { runScope, type ScopeTask } from './run/scope.js';
export { Wake } from './run/wake.js';
