import { parseQuantity, quantityToUnits } from '@nodeagent/base';
import type { CgroupValues } from '@nodeagent/cgroups';
import type { Container, Pod } from '@nodeagent/kube-client';

import { podRequests, qosClass } from '../../pod/index.js';

/** Protection and throttling of memory under cgroup v2. */
export interface MemoryQosRules {
  /** Requested memory is protected: that of Guaranteed pods always, of others if possible. */
  readonly reserves: boolean;
  /** The part of the memory above its request that a container gets before it is slowed down. */
  readonly throttlingFactor: number;
  /** The memory of all pods, which limits a container without a limit of its own. */
  readonly allocatableBytes: number;
}

const PAGE_BYTES = 4096;

/**
 * Files of a container's cgroup. Its memory is throttled before it reaches the limit, so that the
 * kernel need not kill it at once.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_container_linux.go,
 *   generateLinuxContainerResources
 */
export function containerMemoryQos(
  pod: Pod,
  { resources }: Pick<Container, 'resources'>,
  { reserves, throttlingFactor, allocatableBytes }: MemoryQosRules,
): Readonly<Record<string, string>> {
  const [request, limit] = [bytes(resources?.requests), bytes(resources?.limits)];
  const most = limit === 0 ? allocatableBytes : limit;
  const exact = request + (most - request) * throttlingFactor;
  const high = Math.floor(exact / PAGE_BYTES) * PAGE_BYTES;
  return {
    ...(reserves && request > 0
      ? { [qosClass(pod) === 'Guaranteed' ? 'memory.min' : 'memory.low']: String(request) }
      : { 'memory.min': '0', 'memory.low': '0' }),
    ...(request !== limit && most > 0 && high > request && { 'memory.high': String(high) }),
  };
}

/** Values of a pod's own cgroup; none if its memory is not protected. */
export function podMemoryQos(
  pod: Pod,
  { reserves }: Pick<MemoryQosRules, 'reserves'>,
): CgroupValues {
  const request = requestOf(pod);
  if (!reserves || request === 0) return {};
  return qosClass(pod) === 'Guaranteed' ? { memoryMinBytes: request } : { memoryLowBytes: request };
}

/** Memory that is protected above the pods, in bytes. */
export interface ProtectedMemory {
  readonly guaranteed: number;
  readonly burstable: number;
}

/** A cgroup protects its children's memory only as far as its own is protected. */
export function protectedMemory(
  pods: readonly Pod[],
  { reserves }: Pick<MemoryQosRules, 'reserves'>,
): ProtectedMemory {
  const sum = (qos: 'Guaranteed' | 'Burstable'): number =>
    pods
      .filter((pod) => reserves && qosClass(pod) === qos)
      .reduce((total, pod) => total + requestOf(pod), 0);
  return { guaranteed: sum('Guaranteed'), burstable: sum('Burstable') };
}

function requestOf(pod: Pod): number {
  return quantityToUnits(podRequests(pod).get('memory') ?? 0n);
}

function bytes(amounts: Readonly<Record<string, string>> | undefined): number {
  return quantityToUnits(parseQuantity(amounts?.['memory'] ?? '0') ?? 0n);
}
