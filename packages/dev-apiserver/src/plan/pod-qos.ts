import { parseQuantity } from '@nodeagent/base';
import { asWritten, type Container, type PodSpec } from '@nodeagent/kube-client';

type Resources = Container['resources'];

/**
 * When the pod has resources as a whole, these alone decide.
 *
 * @see Kubernetes 1.36 pkg/apis/core/v1/helper/qos/qos.go
 */
export function qosClassOf(spec: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...(spec.initContainers ?? []), ...(asWritten(spec).containers ?? [])];
  const users = asks(spec.resources)
    ? [spec.resources]
    : containers.map(({ resources }) => resources);
  if (!users.some(asks)) return 'BestEffort';
  return users.every(isFull) ? 'Guaranteed' : 'Burstable';
}

const NAMES = ['cpu', 'memory'] as const;

function asks(resources: Resources): boolean {
  return NAMES.some(
    (name) => amount(resources, 'limits', name) > 0n || amount(resources, 'requests', name) > 0n,
  );
}

function isFull(resources: Resources): boolean {
  return NAMES.every((name) => {
    const limit = amount(resources, 'limits', name);
    const request = amount(resources, 'requests', name);
    return limit > 0n && (request === 0n || request === limit);
  });
}

function amount(resources: Resources, side: 'limits' | 'requests', name: string): bigint {
  return parseQuantity(resources?.[side]?.[name] ?? '0') ?? 0n;
}
