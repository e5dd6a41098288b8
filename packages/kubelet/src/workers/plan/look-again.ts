import type { Pod } from '@nodeagent/kube-client';

import { findContainer, type PodObservation } from '../../pod/index.js';

const SOONEST_MS = 50;
/** Older than this, a container's end is noticed by the regular lists. */
const YOUNG_MS = 1500;

/**
 * When to look at a pod again for a container that is there to end, and may do so within moments:
 * an init container, or one that is not restarted after success. Each wait is as long as the
 * container has run, so that a short step costs a handful of looks and a long one no more.
 *
 * @returns undefined when there is no such container, or it has run for a while
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
