import { parseQuantity, quantityToMilli, quantityToUnits } from '@nodeagent/base';
import type { Container, Pod } from '@nodeagent/kube-client';

import { largestNeed, podRequests, qosClass } from '../../pod/index.js';

const MIN_SHARES = 2;
const MAX_SHARES = 262_144;
const SHARES_PER_CPU = 1024;
const MIN_QUOTA_US = 1000;

/** @param milli thousandths of a CPU; 0 gives the least share there is */
export function cpuShares(milli: number): number {
  if (milli <= 0) return MIN_SHARES;
  const shares = Math.floor((milli * SHARES_PER_CPU) / 1000);
  return Math.min(MAX_SHARES, Math.max(MIN_SHARES, shares));
}

/** @returns microseconds of CPU in each period; 0 without a limit */
export function cpuQuotaUs(milli: number, periodUs: number): number {
  if (milli <= 0) return 0;
  return Math.max(MIN_QUOTA_US, Math.floor((milli * periodUs) / 1000));
}

/** Rounded up: what the shares of 100m came from is 100m again. */
export function sharesToMilli(shares: number): number {
  return Math.ceil((shares * 1000) / SHARES_PER_CPU);
}

/** Thousandths of a CPU; 0 without a period. */
export function quotaToMilli(quotaUs: number, periodUs: number): number {
  return periodUs === 0 ? 0 : Math.trunc((quotaUs * 1000) / periodUs);
}

/** cgroup v2's scale of 1 to 10000 for v1's shares of 2 to 262144. */
export function sharesToWeight(shares: number): number {
  return 1 + Math.floor(((shares - MIN_SHARES) * 9999) / (MAX_SHARES - MIN_SHARES));
}

/** The reverse of {@link sharesToWeight}, up to the steps of the coarser scale. */
export function weightToShares(weight: number): number {
  return MIN_SHARES + Math.ceil(((weight - 1) * (MAX_SHARES - MIN_SHARES)) / 9999);
}

/** What one cgroup is given; absent values are left as they are. */
export interface CgroupValues {
  readonly cpuShares?: number | undefined;
  readonly cpuPeriodUs?: number | undefined;
  /** -1 is without limit. */
  readonly cpuQuotaUs?: number | undefined;
  readonly memoryLimitBytes?: number | undefined;
  readonly pidsMax?: number | undefined;
}

export interface NodeReserve {
  readonly cpuMilli: number;
  readonly memoryBytes: number;
}

/**
 * What all pods together are held to: the machine without what is reserved. What eviction keeps free is
 * not taken off: pods have to be able to use it, for eviction to see that.
 *
 * @see Kubernetes 1.36 pkg/kubelet/cm/node_container_manager_linux.go, getNodeAllocatableAbsolute
 */
export function allPodsValues(
  machine: NodeReserve,
  reserved: readonly NodeReserve[],
): CgroupValues {
  const left = (of: (part: NodeReserve) => number): number =>
    reserved.reduce((rest, part) => Math.max(0, rest - of(part)), of(machine));
  const memoryLimitBytes = left(({ memoryBytes }) => memoryBytes);
  return {
    cpuShares: cpuShares(left(({ cpuMilli }) => cpuMilli)),
    ...(memoryLimitBytes > 0 && { memoryLimitBytes }),
  };
}

/** What of a cgroup changes with the resources of a pod; without a limit is -1. */
export type CgroupLimits = Readonly<
  Partial<Record<'cpuShares' | 'cpuPeriodUs' | 'cpuQuotaUs' | 'memoryLimitBytes', number>>
>;

export interface PodCgroupRules {
  readonly cpuCfsQuota: boolean;
  readonly cpuPeriodUs: number;
  /** -1: no limit. */
  readonly podPidsLimit: number;
}

/**
 * Values of a pod's own cgroup, above its containers': CPU and memory are limited only when every
 * container is, or the pod as a whole.
 *
 * @see Kubernetes 1.36 pkg/kubelet/cm/helpers_linux.go, ResourceConfigForPod
 */
export function podCgroupValues(pod: Pod, rules: PodCgroupRules): CgroupValues {
  const pids = rules.podPidsLimit > 0 ? { pidsMax: rules.podPidsLimit } : {};
  if (qosClass(pod) === 'BestEffort') return { cpuShares: MIN_SHARES, ...pids };
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
    ...pids,
  };
}

/** The pod's limit in nano-units; undefined when a container without one makes it unlimited. */
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
