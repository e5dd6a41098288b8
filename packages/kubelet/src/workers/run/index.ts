export { createCriExecRunner } from './cri-exec-runner.js';
export { executePlan } from './execute-plan.js';
export { Gate } from './gate.js';
export { runHousekeeping } from './housekeeping.js';
export { PodCounts } from './pod-counts.js';
export { meterPodRuntime, meterReporter, type PullTimes } from './pod-metrics.js';
export { ManagedProbes } from './pod-probes.js';
export { PodWorkers } from './pod-workers.js';
export { createStepMeter } from './worker-metrics.js';
