import { parseQuantity } from '@nodeagent/base';
import type { PodSpec } from '@nodeagent/kube-client';

/** @see Kubernetes 1.36 pkg/apis/core/v1/helper/qos/qos.go */
export function qosClassOf(spec: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  let anything = false;
  let guaranteed = true;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    for (const resource of ['cpu', 'memory']) {
      const limit = parseQuantity(container.resources?.limits?.[resource] ?? '0') ?? 0n;
      const request = parseQuantity(container.resources?.requests?.[resource] ?? '0') ?? 0n;
      if (limit > 0n || request > 0n) anything = true;
      if (limit === 0n || (request > 0n && request !== limit)) guaranteed = false;
    }
  }
  if (!anything) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
