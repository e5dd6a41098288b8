import type { Pod } from '@nodeagent/kube-client';

import {
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

export interface EndPorts {
  readonly runtime: PodRuntime;
  readonly runtimeView: RuntimeView;
  readonly volumes: PodVolumes;
  readonly probes: PodProbes;
  readonly reporter: PodReporter;
  readonly events: PodEvents;
}

/** What its worker does for a pod that ends. */
export interface EndingPod {
  /** The newest copy. */
  readonly pod: Pod;
  /** Its source no longer has it, so nobody reads its status. */
  readonly removed: boolean;
  observe(signal: AbortSignal): Promise<PodObservation>;
  report(seen: PodObservation, terminal: boolean): void;
  execute(plan: PodPlan, seen: PodObservation, signal: AbortSignal): Promise<unknown>;
}

/**
 * Stops everything of the pod that runs, and reports its last status.
 *
 * @throws when something still runs afterwards
 */
export async function terminatePod(
  ending: EndingPod,
  { runtime, probes, events, graceSeconds }: EndPorts & Readonly<{ graceSeconds: number }>,
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
    throw new Error(`containers still run after their stop: ${left.map((c) => c.name).join()}`);
  }
  probes.remove(uid);
  ending.report(seen, true);
}

/**
 * Takes away what a pod that has ended leaves on the node.
 *
 * @returns whether nothing of it is left, and its object is let go; else it has ended, but its
 *   object, its logs and its exit codes are still of interest
 */
export async function cleanUpPod(
  ending: EndingPod,
  { runtimeView, volumes, reporter }: EndPorts,
  signal: AbortSignal,
): Promise<boolean> {
  const uid = podUid(ending.pod);
  await volumes.teardown(uid, signal);
  if (!ending.removed && !isDeleting(ending.pod)) {
    const seen = await ending.observe(signal);
    await ending.execute(planCleanup(seen), seen, signal);
    return false;
  }
  const seen = await runtimeView.observe(uid, signal);
  try {
    await ending.execute(planRemoval(seen, 'the pod is gone'), seen, signal);
  } catch (error) {
    // A runtime may fail to remove for ever what has long ended: nobody has to wait for that.
    if (!signal.aborted && !ending.removed && !holdsAnything(seen)) reporter.finish(ending.pod);
    throw error;
  }
  if (!ending.removed) reporter.finish(ending.pod);
  return true;
}

function holdsAnything({ containers, sandboxes }: PodObservation): boolean {
  return (
    sandboxes.some(({ ready }) => ready) ||
    containers.some(({ state }) => state.kind === 'running' || state.kind === 'unknown')
  );
}
