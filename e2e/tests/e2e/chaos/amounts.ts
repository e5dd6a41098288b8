import type { Pod } from '@nodeagent/kube-client';

import { cgroupOf } from '../cgroups.ts';
import type { Fixture } from '../fixture.ts';
import { conditionOf, statusOf } from '../pods.ts';
import { type Amounts, type PlannedPod, resourcesOf } from './random-pods.ts';

/** The last requested amounts of each container, by pod and container. */
export type Wishes = Map<string, Map<string, Amounts>>;

/**
 * Returns the running containers whose amounts differ from the last requested ones, with their
 * present amounts.
 */
export async function findUnmet(
  e2e: Fixture,
  pods: readonly Pod[],
  planned: readonly PlannedPod[],
  wishes: Wishes,
): Promise<readonly string[]> {
  const problems = await Promise.all(
    planned.map(async ({ name, containers }) => {
      const pod = pods.find(({ metadata }) => metadata?.name === name);
      if (pod?.status?.phase !== 'Running') return [];
      const wished = wishes.get(name) ?? new Map<string, Amounts>();
      const pending = conditionOf(pod, 'PodResizePending');
      if ([...wished.values()].some(({ tooMuch }) => tooMuch)) {
        return pending === 'True Deferred' ? [] : [`${name} should be put off, it is: ${pending}`];
      }
      const steady = containers.filter(({ program, unsteady }) => {
        return !unsteady && (program === 'serves' || program === 'stubborn');
      });
      const each = steady.flatMap(({ name: container, amounts }) => {
        const wanted = wished.get(container) ?? amounts;
        return wanted === undefined ? [] : [unmetBy(e2e, pod, container, wanted)];
      });
      return (await Promise.all(each)).flat().map((text) => `${name} ${text}`);
    }),
  );
  return problems.flat();
}

async function unmetBy(
  e2e: Fixture,
  pod: Pod,
  container: string,
  wanted: Amounts,
): Promise<readonly string[]> {
  const { requests, limits } = resourcesOf(wanted);
  const { allocatedResources, resources } = statusOf(pod, container) ?? {};
  const cgroup = { quotaUs: wanted.cpuLimit * 100, memory: wanted.memory * 2 ** 20 };
  const pairs = [
    ['was granted', requests, allocatedResources],
    ['has', { requests, limits }, resources],
    ['is held to', cgroup, await cgroupOf(e2e.cluster, pod, container).catch(String)],
  ] as const;
  return pairs.flatMap(([what, want, found]) => {
    const [a, b] = [sorted(want), sorted(found)];
    return a === b ? [] : [`${container} ${what} ${b} instead of ${a}`];
  });
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
