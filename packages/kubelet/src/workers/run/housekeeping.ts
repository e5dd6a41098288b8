import { type Clock, KeyedQueue, type Logger, runEvery } from '@nodeagent/base';

import {
  parsePodUid,
  type PodLeftovers,
  type PodRuntime,
  type PodUid,
  type PodVolumes,
  type RuntimePod,
  type RuntimeView,
} from '../../pod/index.js';
import { planRemoval } from '../plan/plan-cleanup.js';
import type { CleanUp } from './orphan-metrics.js';
import { removeAll } from './removal.js';
import { stopPod } from './stop-pod.js';

export interface HousekeepingOptions {
  readonly runtime: PodRuntime;
  readonly runtimeView: Pick<RuntimeView, 'observe' | 'listPods'>;
  readonly volumes: PodVolumes;
  readonly leftovers?: readonly PodLeftovers[];
  /** Every source has delivered its pods, so an unknown pod is an orphan. */
  readonly synced: () => boolean;
  /** Uids of the pods that have a worker. */
  readonly known: () => readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Called for each pod in the runtime that no source contains. */
  readonly onOrphan?: () => void;
  /** Called with the pods without a source that a turn found. */
  readonly onCleaned?: ((found: CleanUp) => void) | undefined;
  /** Called on every turn, as a sign that the loop is alive. */
  readonly onTurn?: () => void;
}

/** @see Kubernetes 1.36 pkg/kubelet/kubelet.go, housekeepingPeriod */
const PERIOD_MS = 2000;
/** Orphans that are cleaned up at the same time. */
const CONCURRENT = 8;
const ORPHAN_GRACE_S = 1;

/**
 * Removes the remains of pods that are in no source: containers and sandboxes in the runtime,
 * directories and mounts on disk, and the given leftovers. Runs until the signal fires.
 */
export async function runHousekeeping(
  options: HousekeepingOptions,
  signal: AbortSignal,
): Promise<void> {
  const { runtime, runtimeView, volumes, leftovers = [], synced, known, clock, log } = options;
  /** Pods that could not be removed since the last turn. */
  const failed = new Set<string>();
  const orphans = new KeyedQueue<string, RuntimePod | undefined>(
    {
      handle: (uid, pod, inner) =>
        removeOrphan({ uid, pod }, { runtime, runtimeView, volumes, leftovers, log }, inner),
      onError: (uid, err) => {
        failed.add(uid);
        log.warn({ pod: { uid }, err }, 'orphan not removed yet');
      },
      concurrency: CONCURRENT,
    },
    signal,
  );
  const task = async (inner: AbortSignal): Promise<void> => {
    options.onTurn?.();
    if (!synced() || orphans.size > 0) return;
    const running = await runtimeView.listPods(inner);
    const onDisk = [await volumes.podsOnDisk(inner)];
    for (const each of leftovers) {
      await each.sweep?.(inner);
      onDisk.push(await each.pods(inner));
    }
    // Read last: a pod that was added meanwhile is not an orphan.
    const wanted = new Set(known());
    const lost = new Map<string, RuntimePod | undefined>([
      ...onDisk.flat().map((uid: PodUid) => [uid, undefined] as const),
      ...running.map((pod) => [pod.uid, pod] as const),
    ]);
    const gone = [...lost].filter(([uid]) => !wanted.has(uid));
    options.onCleaned?.({
      pods: gone.length,
      failed: gone.filter(([uid]) => failed.has(uid)).length,
    });
    failed.clear();
    for (const [uid, pod] of gone) {
      if (pod?.running === true) options.onOrphan?.();
      orphans.put(uid, pod);
    }
  };
  const onError = (err: unknown): void => log.warn({ err }, 'housekeeping failed');
  await runEvery({ clock, periodMs: PERIOD_MS, task, onError }, signal);
  await orphans.idle();
}

async function removeOrphan(
  { uid, pod }: Readonly<{ uid: string; pod: RuntimePod | undefined }>,
  ports: Pick<HousekeepingOptions, 'runtime' | 'runtimeView' | 'volumes' | 'leftovers' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  const { runtime, runtimeView, volumes, leftovers = [], log } = ports;
  log.info({ pod: { ...pod, uid } }, 'removing the remains of a pod that is in no source');
  if (pod !== undefined) {
    const seen = await runtimeView.observe(uid, signal);
    await stopPod({ pod: undefined, seen, graceSeconds: ORPHAN_GRACE_S }, runtime, signal);
    await removeAll(planRemoval(seen, 'the pod is in no source'), { runtime, log }, signal);
  }
  const safeUid = parsePodUid(uid);
  if (safeUid === undefined) {
    // Another client of the runtime made this pod: no directory here can belong to it.
    log.warn({ pod: { ...pod, uid } }, 'the uid of an unknown pod is not a valid directory name');
    return;
  }
  await volumes.teardown(safeUid, signal);
  for (const each of leftovers) await each.remove(safeUid, signal);
}
