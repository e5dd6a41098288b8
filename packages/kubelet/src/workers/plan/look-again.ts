import type { Pod } from '@nodeagent/kube-client';

import { findContainer, type PodObservation } from '../../pod/index.js';

const SOONEST_MS = 50;
/** The regular lists detect the end of a container that is older than this. */
const YOUNG_MS = 1500;

/**
 * The delay before the next observation of a pod with a young container that is expected to end: an
 * init container, or one that does not restart after success. Each delay equals the container's
 * age, so that a short step needs only a few observations, and a long one no more.
 *
 * @returns undefined if there is no such container, or none is young
 */
export function lookAgainMs(pod: Pod, seen: PodObservation, nowMs: number): number | undefined {
  const waits = seen.containers.flatMap(({ name, state }) => {
    const found = state.kind === 'running' ? findContainer(pod, name) : undefined;
    if (state.kind !== 'running' || found === undefined) return [];
    const policy = found.spec.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
    const ends = found.role === 'init' || (found.role === 'regular' && policy !== 'Always');
    const ageMs = nowMs - state.startedAtMs;
    return ends && ageMs < YOUNG_MS ? [Math.max(SOONEST_MS, ageMs)] : [];
  });
  return waits.length > 0 ? Math.min(...waits) : undefined;
}
