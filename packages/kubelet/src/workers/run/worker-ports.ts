import type { Clock, Logger, Random, Tracer } from '@nodeagent/base';

import type {
  FailureVerdict,
  NodeView,
  PodEvents,
  PodProbes,
  PodReporter,
  PodResizes,
  PodRuntime,
  PodVolumes,
  RuntimeView,
} from '../../pod/index.js';
import type { CrashLoopRules } from '../plan/crash-loop.js';
import type { Gate } from './gate.js';
import type { StepMeter } from './worker-metrics.js';

/** The ports that all workers share. */
export interface WorkerPorts {
  readonly runtime: PodRuntime;
  readonly runtimeView: RuntimeView;
  readonly volumes: PodVolumes;
  readonly probes: PodProbes;
  readonly reporter: PodReporter;
  readonly events: PodEvents;
  readonly node: NodeView;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Records the duration of each step; optional. */
  readonly tracer?: Tracer | undefined;
  /** If absent, nothing is measured. */
  readonly onStep?: StepMeter | undefined;
  /** Limits how many pods create a sandbox at the same time. */
  readonly sandboxGate: Gate;
  readonly crashLoopRules: CrashLoopRules;
  /** Ended runs that stay of each container; at least 1, the default. */
  readonly keptRuns?: number | undefined;
  /** Longest time between two syncs of a pod; jitter extends it by up to a half. */
  readonly resyncMs: number;
}

/** The ports of one worker. */
export interface PodWorkerHooks {
  /** Resizes of running pods; if undefined, there are none. */
  readonly resizes: PodResizes | undefined;
  /** Makes the pod fail, as one that is not admitted. */
  readonly refuse: (refusal: FailureVerdict) => void;
}
