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

/** What a plan depends on besides the pod and what the runtime shows. */
export interface PlanContext extends CrashLoopContext {
  readonly probes: ProbeVerdicts;
  /** What the containers have, as far as it is known; nothing is resized when absent. */
  readonly actuated?: PodAllocation | undefined;
  /**
   * By container name: the restart count of the next run, of containers whose last record was removed.
   * Such a container counts from 0 where it is absent.
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

/** Its start, or the reason to wait with it. */
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

/** The stop of one container that is to be restarted; `why` is what its user reads. */
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

/** Whether what runs is what the spec asks for. */
export function isOutdated(roled: RoledContainer, running: ContainerObservation): boolean {
  return running.specHash !== containerSpecHash(roled.spec);
}
