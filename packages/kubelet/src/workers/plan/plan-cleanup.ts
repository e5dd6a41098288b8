import type { PodAction, PodObservation, PodPlan } from '../../pod/index.js';

/**
 * Removes the parts that a living pod no longer needs: ended containers except the newest of each
 * name, whose logs and exit code are still needed; containers that were replaced before they
 * started; and lost sandboxes without containers.
 *
 * @param keptRuns ended containers of a name that stay; less than 1 means 1
 *
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_gc.go
 */
export function planCleanup(seen: PodObservation, keptRuns = 1): PodPlan {
  const ended = new Map<string, number>();
  const newer = new Set<string>();
  const removals: PodAction[] = [];
  const owners = new Set<string>();
  for (const { id, name, sandboxId, state } of seen.containers) {
    const endedLater = ended.get(name) ?? 0;
    if (state.kind === 'exited' && endedLater >= Math.max(1, keptRuns)) {
      removals.push({ kind: 'remove-container', id, name, why: 'a newer run of it has ended' });
    } else if (state.kind === 'created' && newer.has(name)) {
      removals.push({ kind: 'remove-container', id, name, why: 'it was never started' });
    } else {
      owners.add(sandboxId);
      if (state.kind === 'exited') ended.set(name, endedLater + 1);
    }
    newer.add(name);
  }
  const sandboxes = seen.sandboxes
    .slice(1)
    .filter(({ id, ready }) => !ready && !owners.has(id))
    .map(({ id }): PodAction => ({ kind: 'remove-sandbox', id, why: 'a newer sandbox exists' }));
  return [...removals, ...sandboxes];
}

/** Removes everything that the runtime still holds of a stopped pod. */
export function planRemoval(seen: PodObservation, why: string): PodPlan {
  return [
    ...seen.containers.map(({ id, name }): PodAction => {
      return { kind: 'remove-container', id, name, why };
    }),
    ...seen.sandboxes.map(({ id }): PodAction => ({ kind: 'remove-sandbox', id, why })),
  ];
}
