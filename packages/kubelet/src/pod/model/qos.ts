import { parseQuantity } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

type Amounts = Readonly<Record<string, string>> | undefined;
type Resources = Readonly<{ requests?: Amounts; limits?: Amounts }> | undefined;

/** The resources that decide the class. */
const COMPUTE = ['cpu', 'memory'] as const;

/**
 * Guaranteed: every container, including init containers, limits both CPU and memory, and requests
 * as much as its limits. BestEffort: no container requests or limits either. Burstable: everything
 * else. Pod-level resources, if given, decide alone. Zero counts as not given.
 *
 * @see Kubernetes 1.36 pkg/apis/core/v1/helper/qos/qos.go
 */
export function qosClass(pod: Pod): QosClass {
  const spec = pod.spec;
  const whole = spec?.resources;
  const users: readonly Resources[] =
    whole !== undefined && namesCompute(whole)
      ? [whole]
      : [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((c) => c.resources);
  if (!users.some(namesCompute)) return 'BestEffort';
  return users.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}

function namesCompute(resources: Resources): boolean {
  return COMPUTE.some(
    (name) => amount(resources?.requests, name) > 0n || amount(resources?.limits, name) > 0n,
  );
}

function isGuaranteed(resources: Resources): boolean {
  return COMPUTE.every((name) => {
    const limit = amount(resources?.limits, name);
    // The API server copies a missing request from the limit; the manifest of a static pod may omit
    // it.
    const request =
      resources?.requests?.[name] === undefined ? limit : amount(resources.requests, name);
    return limit > 0n && request === limit;
  });
}

function amount(amounts: Amounts, name: string): bigint {
  return parseQuantity(amounts?.[name] ?? '0') ?? 0n;
}
