import type { PodStanding } from '../../pod/index.js';
import type { ContainerGcPolicy, SeenContainer, SeenSandbox } from '../model/container-gc.js';

export interface ContainerGcRules {
  readonly standing: (podUid: string) => PodStanding;
  /** The node is short of space: pods that have ended lose everything too. */
  readonly underPressure: boolean;
}

/** The ended runs of one container, the newest first. */
interface Runs {
  readonly runs: readonly SeenContainer[];
  /** The newest run decides whether the container runs again. */
  readonly isNewestNeeded: boolean;
}

/**
 * Chooses the containers to remove, those of one name from the oldest to the newest. Unlike in
 * Kubernetes, no limit removes the last run of a container of an active pod: its exit code decides
 * whether the container runs again. A container of an active pod that was not started yet is left
 * to the pod's worker.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_gc.go, evictContainers
 */
export function containersToRemove(
  containers: readonly SeenContainer[],
  policy: ContainerGcPolicy,
  rules: ContainerGcRules & Readonly<{ nowMs: number }>,
): readonly SeenContainer[] {
  const { standing, nowMs } = rules;
  const removed: SeenContainer[] = [];
  const kept: Runs[] = [];
  for (const group of groups(containers, ({ podUid, name }) => JSON.stringify([podUid, name]))) {
    const podUid = group[0]?.podUid ?? '';
    const isActive = standing(podUid) === 'active';
    const ended = group.filter(({ state, createdAtMs }) => {
      if (state === 'running' || (state === 'created' && isActive)) return false;
      return createdAtMs <= nowMs - policy.minAgeMs;
    });
    if (losesEverything(podUid, rules)) {
      removed.push(...ended.toReversed());
      continue;
    }
    const isNewestNeeded = isActive && ended.length > 0 && ended[0] === group[0];
    const limit = policy.perContainer < 0 ? ended.length : policy.perContainer;
    kept.push(shorten({ runs: ended, isNewestNeeded }, limit, removed));
  }
  removed.push(...overTotal(kept, policy.total));
  return removed;
}

/**
 * Chooses the sandboxes to remove: those in use never, and the newest of a pod only if nothing of
 * the pod is needed.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_gc.go, evictSandboxes
 */
export function sandboxesToRemove(
  sandboxes: readonly SeenSandbox[],
  rules: ContainerGcRules,
): readonly SeenSandbox[] {
  return groups(sandboxes, ({ podUid }) => podUid).flatMap((group) => {
    const removable = losesEverything(group[0]?.podUid ?? '', rules) ? group : group.slice(1);
    return removable.filter(({ isInUse }) => !isInUse).toReversed();
  });
}

function losesEverything(podUid: string, { standing, underPressure }: ContainerGcRules): boolean {
  const now = standing(podUid);
  return now === 'gone' || (underPressure && now === 'ended');
}

/** @returns the oldest containers beyond the limit of the node */
function overTotal(kept: readonly Runs[], total: number): readonly SeenContainer[] {
  const removed: SeenContainer[] = [];
  const all = kept.filter(({ runs }) => runs.length > 0);
  if (total < 0 || count(all) <= total) return removed;
  const each = Math.max(1, Math.floor(total / all.length));
  const left = all.map((one) => shorten(one, each, removed));
  const removable = left
    .flatMap(({ runs, isNewestNeeded }) => (isNewestNeeded ? runs.slice(1) : runs))
    .sort((a, b) => a.createdAtMs - b.createdAtMs);
  return [...removed, ...removable.slice(0, Math.max(0, count(left) - total))];
}

/** @param removed receives the runs beyond the limit, the oldest first */
function shorten(one: Runs, limit: number, removed: SeenContainer[]): Runs {
  const { runs, isNewestNeeded } = one;
  const stay = isNewestNeeded ? Math.max(1, limit) : limit;
  removed.push(...runs.slice(stay).toReversed());
  return { runs: runs.slice(0, stay), isNewestNeeded };
}

function count(all: readonly Runs[]): number {
  return all.reduce((sum, { runs }) => sum + runs.length, 0);
}

/** Each group has its newest first. */
function groups<T extends { readonly createdAtMs: number }>(
  all: readonly T[],
  keyOf: (one: T) => string,
): readonly (readonly T[])[] {
  return [...Map.groupBy(all, keyOf).values()].map((group) =>
    group.sort((a, b) => b.createdAtMs - a.createdAtMs),
  );
}

const SUFFIX = '.log';

/** @returns the container's id in `<pod>_<namespace>_<container>-<id>.log`; undefined without one */
export function containerOfLink(name: string): string | undefined {
  if (!name.endsWith(SUFFIX)) return undefined;
  const dash = name.lastIndexOf('-');
  const id = name.slice(dash + 1, -SUFFIX.length);
  return dash < 0 || id === '' ? undefined : id;
}
