import type { ContainerObservation, PodAction, PodObservation, PodPlan } from '../../pod/index.js';

/**
 * Removes all containers of a pod at once, so that it starts again in its sandbox. Their logs stay,
 * and later give the restart count of the next run. The containers whose end requested the restart
 * are removed last: as long as one exists, an interrupted restart continues.
 */
export function planRestartAll(
  seen: PodObservation,
  sources: readonly ContainerObservation[],
): PodPlan {
  const why = `container ${sources.map(({ name }) => name).join()} requested the restart by its exit code`;
  const stops = seen.containers
    .filter(({ state }) => state.kind === 'running' || state.kind === 'unknown')
    .map(({ id, name }): PodAction => {
      return { kind: 'stop-container', id, name, graceSeconds: 0, preStop: false, why: 'killing' };
    });
  const others = seen.containers.filter((container) => !sources.includes(container));
  const removals = [...others, ...sources].map(({ id, name }): PodAction => {
    return { kind: 'remove-container', id, name, logs: 'keep', why };
  });
  return [...stops, ...removals];
}
