export { type MemoryAnswer, MemoryBus, type MemoryBusOptions } from './memory-bus.js';
