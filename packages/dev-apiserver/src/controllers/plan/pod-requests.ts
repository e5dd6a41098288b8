import { parseQuantity, quantityToMilli, quantityToUnits } from '@nodeagent/base';
import type { Container, Pod } from '@nodeagent/kube-client';

/** CPU in thousandths; other resources in their units (bytes, pieces). */
export type Amounts = ReadonlyMap<string, number>;

/** Reads the amounts of a resource list; unreadable ones count as nothing. */
export function amountsOf(list: Readonly<Record<string, string | number>> | undefined): Amounts {
  return new Map(
    Object.entries(list ?? {}).map(([name, text]) => {
      const quantity = parseQuantity(String(text)) ?? 0n;
      return [name, name === 'cpu' ? quantityToMilli(quantity) : quantityToUnits(quantity)];
    }),
  );
}

export function addAmounts(into: Map<string, number>, amounts: Amounts): void {
  for (const [name, amount] of amounts) into.set(name, (into.get(name) ?? 0) + amount);
}

/**
 * Computes a pod's requests: all containers and sidecars together, or the largest step of its
 * start, whichever is more, plus the overhead; and one of `pods`.
 *
 * @see Kubernetes 1.36 component-helpers/resource/helpers.go, PodRequests
 */
export function podRequests(pod: Pod): Amounts {
  const total = new Map<string, number>();
  for (const container of pod.spec?.containers ?? []) addAmounts(total, requestsOf(container));
  const sidecars = new Map<string, number>();
  const peak = new Map<string, number>();
  for (const container of pod.spec?.initContainers ?? []) {
    const step = new Map(sidecars);
    addAmounts(step, requestsOf(container));
    for (const [name, amount] of step) peak.set(name, Math.max(peak.get(name) ?? 0, amount));
    if (container.restartPolicy === 'Always') addAmounts(sidecars, requestsOf(container));
  }
  addAmounts(total, sidecars);
  for (const [name, amount] of peak) total.set(name, Math.max(total.get(name) ?? 0, amount));
  addAmounts(total, amountsOf(pod.spec?.overhead));
  return total.set('pods', 1);
}

/** A limit without a request counts as the request. */
function requestsOf({ resources }: Container): Amounts {
  return new Map([...amountsOf(resources?.limits), ...amountsOf(resources?.requests)]);
}
