export { connectInMemory } from './in-memory.js';
export {
  createMemoryDriver,
  type MemoryDriver,
  type MemoryDriverOptions,
} from './memory-driver.js';
export { runSanityCase, SANITY_CASES } from './sanity.js';
export {
  type SanityCase,
  type SanityContext,
  type SanityNeed,
  type SanityOptions,
  SINGLE_WRITER,
} from './sanity-case.js';
