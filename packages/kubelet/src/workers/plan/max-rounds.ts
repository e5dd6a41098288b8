import type { Pod } from '@nodeagent/kube-client';

/**
 * Limit on the rounds of one sync. Every init container needs its own round, and a container may
 * end as soon as it has started; more rounds mean that the same object is lost again and again.
 */
export function maxRounds(pod: Pod): number {
  return 5 + 2 * (pod.spec?.initContainers?.length ?? 0);
}
