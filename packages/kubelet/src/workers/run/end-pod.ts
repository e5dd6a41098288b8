import type { Pod } from '@nodeagent/kube-client';

import {
  type FailureVerdict,
  isDeleting,
  messageOf,
  type PodEvents,
  type PodObservation,
  type PodPlan,
  type PodProbes,
  type PodReporter,
  type PodRuntime,
  podUid,
  type PodVolumes,
  type RuntimeView,
} from '../../pod/index.js';
import { planCleanup, planRemoval } from '../plan/plan-cleanup.js';
import { stopPod } from './stop-pod.js';

const EVICTED = 'Evicted';

export interface EndPorts {
  readonly runtime: PodRuntime;
  readonly runtimeView: RuntimeView;
  readonly volumes: PodVolumes;
  readonly probes: PodProbes;
  readonly reporter: PodReporter;
  readonly events: PodEvents;
  readonly keptRuns?: number | undefined;
}

/** The operations of its worker on a pod that ends. */
export interface EndingPod {
  /** The newest copy. */
  readonly pod: Pod;
  /** Its source no longer has it, so its status is not needed. */
  readonly removed: boolean;
  /** Why the kubelet itself ended it. */
  readonly verdict: FailureVerdict | undefined;
  observe(signal: AbortSignal): Promise<PodObservation>;
  report(seen: PodObservation, terminal: boolean): void;
  execute(plan: PodPlan, seen: PodObservation, signal: AbortSignal): Promise<unknown>;
}

/**
 * Stops everything of the pod that runs, and reports its last status.
 *
 * @throws if something still runs afterwards
 */
export async function terminatePod(
  ending: EndingPod,
  graceSeconds: number,
  { runtime, probes, events }: EndPorts,
  signal: AbortSignal,
): Promise<void> {
  const uid = podUid(ending.pod);
  probes.stopping(uid);
  let seen = await ending.observe(signal);
  if (holdsAnything(seen)) {
    ending.report(seen, false);
    try {
      await stopPod({ pod: ending.pod, seen, graceSeconds }, runtime, signal);
    } catch (error) {
      if (!signal.aborted) {
        events.warning(ending.pod, 'FailedKillPod', `error killing pod: ${messageOf(error)}`);
      }
      throw error;
    }
    seen = await ending.observe(signal);
  }
  const left = seen.containers.filter(({ state }) => state.kind === 'running');
  if (left.length > 0) {
    throw new Error(
      `containers still run after they were stopped: ${left.map((c) => c.name).join()}`,
    );
  }
  probes.remove(uid);
  ending.report(seen, true);
}

/**
 * Removes the parts of an ended pod from the node; of one that was evicted, its logs and exit codes,
 * too.
 *
 * @returns true if nothing of it is left and its API object is released; false if it has ended, but
 *   its object, its logs and its exit codes are still needed
 */
export async function cleanUpPod(
  ending: EndingPod,
  { runtimeView, volumes, reporter, keptRuns }: EndPorts,
  signal: AbortSignal,
): Promise<boolean> {
  const uid = podUid(ending.pod);
  await volumes.teardown(uid, signal);
  if (!ending.removed && !isDeleting(ending.pod)) {
    const seen = await ending.observe(signal);
    const plan = isEvicted(ending)
      ? planRemoval(seen, 'the pod was evicted')
      : planCleanup(seen, keptRuns);
    await ending.execute(plan, seen, signal);
    return false;
  }
  const seen = await runtimeView.observe(uid, signal);
  try {
    await ending.execute(planRemoval(seen, 'the pod is gone'), seen, signal);
  } catch (error) {
    // Some runtimes can never remove certain ended containers. The API object does not wait for
    // that.
    if (!signal.aborted && !ending.removed && !holdsAnything(seen)) reporter.finish(ending.pod);
    throw error;
  }
  if (!ending.removed) reporter.finish(ending.pod);
  return true;
}

/** The node is short of what the logs and layers of such a pod use. */
function isEvicted({ pod, verdict }: EndingPod): boolean {
  return verdict?.reason === EVICTED || pod.status?.reason === EVICTED;
}

function holdsAnything({ containers, sandboxes }: PodObservation): boolean {
  return (
    sandboxes.some(({ ready }) => ready) ||
    containers.some(({ state }) => state.kind === 'running' || state.kind === 'unknown')
  );
}
