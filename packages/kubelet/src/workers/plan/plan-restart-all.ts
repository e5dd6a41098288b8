import type { ContainerObservation, PodAction, PodObservation, PodPlan } from '../../pod/index.js';

/**
 * Takes away all containers of a pod, at once, so that it starts anew in its sandbox. Their logs stay,
 * and tell later which run the next one is. The containers whose end asked for it go last: while one
 * of them is there, an interrupted restart goes on.
 */
export function planRestartAll(
  seen: PodObservation,
  sources: readonly ContainerObservation[],
): PodPlan {
  const why = `container ${sources.map(({ name }) => name).join()} asked for it by its exit code`;
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
