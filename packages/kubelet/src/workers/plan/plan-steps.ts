import type { Pod } from '@nodeagent/kube-client';

import {
  containerGraceSeconds,
  type ContainerObservation,
  containerSpecHash,
  type ContainerVerdicts,
  latestOf,
  type PodAction,
  type PodAllocation,
  type PodObservation,
  type ProbeVerdicts,
  type RoledContainer,
} from '../../pod/index.js';
import { type CrashLoopContext, holdForCrashLoop } from './crash-loop.js';

/** The inputs of a plan besides the pod and its observation. */
export interface PlanContext extends CrashLoopContext {
  readonly probes: ProbeVerdicts;
  /** The resources that the containers have, as far as known; if absent, nothing is resized. */
  readonly actuated?: PodAllocation | undefined;
  /**
   * Restart count of the next run, by container name, for containers whose last record was removed.
   * Other such containers count from 0.
   */
  readonly restartCounts?: ReadonlyMap<string, number>;
}

export interface PlanSubject {
  readonly pod: Pod;
  readonly seen: PodObservation;
  readonly context: PlanContext;
}

export function verdictsOf(subject: PlanSubject, id: string): ContainerVerdicts {
  return subject.context.probes.get(id) ?? {};
}

/** Starts the container, or holds it back with a reason. */
export function startStep(subject: PlanSubject, roled: RoledContainer, why: string): PodAction {
  const { pod, seen, context } = subject;
  const { role, spec } = roled;
  const hold = holdForCrashLoop({ pod, container: spec, seen }, context);
  if (hold !== undefined) return hold;
  const restartCount = nextRestartCount(subject, spec.name);
  return { kind: 'start-container', name: spec.name, role, restartCount, why };
}

/** Restart count of a container's next run. */
export function nextRestartCount({ seen, context }: PlanSubject, name: string): number {
  const record = latestOf(seen, name);
  return record === undefined ? (context.restartCounts?.get(name) ?? 0) : record.restartCount + 1;
}

/** Stops a container that will be restarted; users read `why` in the event. */
export function stopStep(
  subject: PlanSubject,
  target: Readonly<{ roled: RoledContainer; id: string; probe?: 'liveness' | 'startup' }>,
  why: string,
): PodAction {
  const { spec } = target.roled;
  const graceSeconds = containerGraceSeconds(subject.pod, spec.name, target.probe);
  const preStop = spec.lifecycle?.preStop !== undefined && graceSeconds > 0;
  return { kind: 'stop-container', id: target.id, name: spec.name, graceSeconds, preStop, why };
}

/** The running container differs from the spec. */
export function isOutdated(roled: RoledContainer, running: ContainerObservation): boolean {
  return running.specHash !== containerSpecHash(roled.spec);
}
