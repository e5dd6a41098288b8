export {
  type CriMethod,
  type Failure,
  MemoryCalls,
  type OptionalCall,
  type RecordedCall,
} from './memory-calls.js';
export { MemoryImages, normalizeReference, type PublishOptions } from './memory-images.js';
export type { ExitOptions } from './memory-pods.js';
export type { ExecAnswer, Program } from './memory-program.js';
export { MemoryRuntime, type MemoryRuntimeOptions } from './memory-runtime.js';
export type { MemoryUsageOptions } from './memory-stats.js';
