import { parseQuantity, quantityToMilli, quantityToUnits } from '@nodeagent/base';
import { type CgroupValues, cpuQuotaUs, cpuShares } from '@nodeagent/cgroups';
import type { Container, Pod } from '@nodeagent/kube-client';

import { largestNeed, podRequests, qosClass } from '../../pod/index.js';
import { hugepageLimits } from './hugepage-values.js';
import { type MemoryQosRules, podMemoryQos } from './memory-qos.js';

export interface PodCgroupRules {
  readonly cpuCfsQuota: boolean;
  readonly cpuPeriodUs: number;
  /** -1: no limit. */
  readonly podPidsLimit: number;
  /** Sizes of the machine's huge pages in KiB; none when absent. */
  readonly hugepageKib?: readonly number[];
  /** Absent: the memory of pods is neither protected nor throttled. */
  readonly memoryQos?: MemoryQosRules | undefined;
}

/**
 * Values of a pod's own cgroup, the parent of its containers' cgroups. CPU and memory are limited
 * only if every container has a limit, or the pod as a whole has one.
 *
 * @see Kubernetes 1.36 pkg/kubelet/cm/helpers_linux.go, ResourceConfigForPod
 */
export function podCgroupValues(pod: Pod, rules: PodCgroupRules): CgroupValues {
  const more = {
    ...(rules.podPidsLimit > 0 && { pidsMax: rules.podPidsLimit }),
    ...hugepageLimits(rules.hugepageKib ?? [], podRequests(pod)),
  };
  if (qosClass(pod) === 'BestEffort') return { cpuShares: cpuShares(0), ...more };
  const cpuRequest = quantityToMilli(podRequests(pod).get('cpu') ?? 0n);
  const cpuLimit = podLimit(pod, 'cpu');
  const memoryLimit = podLimit(pod, 'memory');
  const quota =
    cpuLimit === undefined ? 0 : cpuQuotaUs(quantityToMilli(cpuLimit), rules.cpuPeriodUs);
  const limited = rules.cpuCfsQuota && quota > 0;
  return {
    cpuShares: cpuShares(cpuRequest),
    cpuPeriodUs: rules.cpuPeriodUs,
    cpuQuotaUs: limited ? quota : -1,
    ...(memoryLimit === undefined ? {} : { memoryLimitBytes: quantityToUnits(memoryLimit) }),
    ...(rules.memoryQos && podMemoryQos(pod, rules.memoryQos)),
    ...more,
  };
}

/**
 * The CPU weight of the cgroup above all Burstable pods: as much as they request together, so that
 * Guaranteed pods and the class as a whole share CPUs by their requests.
 *
 * @see Kubernetes 1.36 pkg/kubelet/cm/qos_container_manager_linux.go, setCPUCgroupConfig
 */
export function burstableShares(pods: readonly Pod[]): number {
  const requests = pods
    .filter((pod) => qosClass(pod) === 'Burstable')
    .map((pod) => quantityToMilli(podRequests(pod).get('cpu') ?? 0n));
  return cpuShares(requests.reduce((sum, milli) => sum + milli, 0));
}

/**
 * The pod's limit in nano-units; undefined if a container without limit makes the pod unlimited.
 */
function podLimit(pod: Pod, name: 'cpu' | 'memory'): bigint | undefined {
  const whole = limitOf(pod.spec?.resources?.limits, name);
  if (whole > 0n) return whole + overheadOf(pod, name);
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const of = ({ resources }: Container): bigint => limitOf(resources?.limits, name);
  if ([...containers, ...initContainers].some((each) => of(each) === 0n)) return undefined;
  return largestNeed(pod, of) + overheadOf(pod, name);
}

function overheadOf(pod: Pod, name: string): bigint {
  return limitOf(pod.spec?.overhead, name);
}

function limitOf(amounts: Readonly<Record<string, string>> | undefined, name: string): bigint {
  return parseQuantity(amounts?.[name] ?? '0') ?? 0n;
}
