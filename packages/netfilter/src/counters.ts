export {
  type CounterValue,
  KernelCounters,
  type KernelCountersOptions,
} from './run/kernel-counters.js';
