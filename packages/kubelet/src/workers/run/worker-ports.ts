import type { Clock, Logger, Random, Tracer } from '@nodeagent/base';

import type {
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

/** What all workers share. */
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
  /** Told how long each step takes; nobody when absent. */
  readonly tracer?: Tracer | undefined;
  /** Other resources for pods that run; none when absent. */
  readonly resizes?: PodResizes | undefined;
  /** Nothing is measured without. */
  readonly onStep?: StepMeter | undefined;
  /** Pods that make a sandbox at the same time. */
  readonly sandboxGate: Gate;
  readonly crashLoopRules: CrashLoopRules;
  /** A pod is looked at again at least this often, asked or not; stretched by up to a half. */
  readonly resyncMs: number;
}
