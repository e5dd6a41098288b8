import { parseQuantity, quantityToMilli, quantityToUnits } from '@nodeagent/base';
import { cpuQuotaUs, cpuShares } from '@nodeagent/cgroups';
import type { HugepageLimit, LinuxResources } from '@nodeagent/cri-client';
import type { Container, Pod } from '@nodeagent/kube-client';

import { isCritical, largestNeed, qosClass } from '../../pod/index.js';
import { containerMemoryQos, type MemoryQosRules, pageSizeName } from '../../resources/index.js';
import { containerSwap, type SwapSettings } from './container-swap.js';

export interface ResourceSettings {
  readonly cpuCfsQuota: boolean;
  readonly cpuPeriodUs: number;
  /** Capacity of the machine, not the part that pods may use. */
  readonly memoryCapacityBytes: number;
  /** Set on each container under cgroup v2. */
  readonly unified: Readonly<Record<string, string>>;
  /** Huge page sizes that this machine has; none if absent. */
  readonly hugepageKib?: readonly number[];
  /** Swap rules for containers; if absent, swap is not set. */
  readonly swap?: SwapSettings;
  /** Absent: the memory of containers is neither protected nor throttled. */
  readonly memoryQos?: MemoryQosRules | undefined;
}

const GUARANTEED_OOM = -997;
const BEST_EFFORT_OOM = 1000;

/** @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_container_linux.go */
export function containerResources(
  pod: Pod,
  container: Container,
  settings: ResourceSettings,
): LinuxResources {
  const { limits, requests } = container.resources ?? {};
  const whole = pod.spec?.resources?.limits;
  const cpuLimit = milli(limits?.['cpu'] ?? whole?.['cpu']);
  const cpuRequest = requests?.['cpu'] === undefined ? cpuLimit : milli(requests['cpu']);
  const memoryLimit = bytes(limits?.['memory'] ?? whole?.['memory']);
  const { memoryCapacityBytes, memoryQos, hugepageKib = [] } = settings;
  const swap = containerSwap(pod, container, settings);
  const memory = memoryQos && containerMemoryQos(pod, container, memoryQos);
  const unified = { ...settings.unified, ...swap.unified, ...memory };
  return {
    cpuShares: cpuShares(cpuRequest),
    ...quota(cpuLimit, settings),
    ...(memoryLimit > 0 ? { memoryLimitBytes: memoryLimit } : {}),
    ...(swap.withMemory && memoryLimit > 0 ? { memorySwapLimitBytes: memoryLimit } : {}),
    oomScoreAdj: oomScoreAdj(pod, container, memoryCapacityBytes),
    ...(hugepageKib.length > 0
      ? { hugepageLimits: hugepageKib.map((kib) => hugepageLimit(kib, limits, whole)) }
      : {}),
    ...(Object.keys(unified).length > 0 ? { unified } : {}),
  };
}

type Amounts = Readonly<Record<string, string>> | undefined;

/** Limits every size that is not requested to 0. */
function hugepageLimit(kib: number, limits: Amounts, whole: Amounts): HugepageLimit {
  const ofSize = (amounts: Amounts): string | undefined =>
    Object.entries(amounts ?? {}).find(
      ([name]) => name.startsWith('hugepages-') && bytes(name.slice(10)) === kib * 1024,
    )?.[1];
  return { pageSize: pageSizeName(kib), limitBytes: bytes(ofSize(limits) ?? ofSize(whole)) };
}

/** Totals of the whole pod, for runtimes that size a virtual machine by them. */
export function sandboxResources(pod: Pod, settings: ResourceSettings): LinuxResources {
  const total = (side: 'limits' | 'requests', name: string): bigint => podAmount(pod, side, name);
  const cpuLimit = quantityToMilli(total('limits', 'cpu'));
  const memoryLimit = quantityToUnits(total('limits', 'memory'));
  const { unified } = settings;
  return {
    cpuShares: cpuShares(quantityToMilli(total('requests', 'cpu'))),
    ...quota(cpuLimit, settings),
    ...(memoryLimit > 0 ? { memoryLimitBytes: memoryLimit } : {}),
    ...(Object.keys(unified).length > 0 ? { unified } : {}),
  };
}

/** The resources of the sandbox itself, as the pod's runtime class states them. */
export function overheadResources(pod: Pod, settings: ResourceSettings): LinuxResources {
  const overhead = pod.spec?.overhead;
  if (overhead === undefined) return {};
  const cpu = milli(overhead['cpu']);
  const memory = bytes(overhead['memory']);
  return {
    cpuShares: cpuShares(cpu),
    ...quota(cpu, settings),
    ...(memory > 0 ? { memoryLimitBytes: memory } : {}),
  };
}

/**
 * The score that orders processes for the OOM killer: the more a container requests, the later it
 * is killed.
 *
 * @see Kubernetes 1.36 pkg/kubelet/qos/policy.go
 */
export function oomScoreAdj(pod: Pod, container: Container, capacityBytes: number): number {
  if (isNodeCritical(pod)) return GUARANTEED_OOM;
  const qos = qosClass(pod);
  if (qos === 'Guaranteed') return GUARANTEED_OOM;
  if (qos === 'BestEffort') return BEST_EFFORT_OOM;
  const share = shareOfPod(pod);
  const scoreOf = (requestBytes: number): number =>
    burstableScore(requestBytes + share, capacityBytes);
  let score = scoreOf(bytes(container.resources?.requests?.['memory']));
  if (container.restartPolicy === 'Always' && isInit(pod, container)) {
    const regular = (pod.spec?.containers ?? []).map((c) =>
      bytes(c.resources?.requests?.['memory']),
    );
    score = Math.min(score, scoreOf(Math.min(...regular)));
  }
  if (score < 1000 + GUARANTEED_OOM) return 1000 + GUARANTEED_OOM;
  return score === BEST_EFFORT_OOM ? score - 1 : score;
}

/** @see Kubernetes 1.36 pkg/kubelet/types/pod_update.go, IsNodeCriticalPod */
function isNodeCritical(pod: Pod): boolean {
  return isCritical(pod) && pod.spec?.priorityClassName === 'system-node-critical';
}

/**
 * The part of the pod-level request that exceeds the containers' requests, divided equally among
 * them.
 */
function shareOfPod(pod: Pod): number {
  const whole = bytes(pod.spec?.resources?.requests?.['memory']);
  if (whole === 0) return 0;
  const ofContainers = largestNeed(pod, ({ resources }) => amount(resources?.requests?.['memory']));
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const rest = whole - quantityToUnits(ofContainers);
  return rest > 0 ? Math.floor(rest / (containers.length + initContainers.length)) : 0;
}

function isInit(pod: Pod, container: Container): boolean {
  return pod.spec?.initContainers?.some(({ name }) => name === container.name) === true;
}

function burstableScore(requestBytes: number, capacityBytes: number): number {
  return capacityBytes > 0 ? 1000 - Math.floor((1000 * requestBytes) / capacityBytes) : 999;
}

function quota(limitMilli: number, settings: ResourceSettings): LinuxResources {
  if (!settings.cpuCfsQuota) return {};
  const { cpuPeriodUs } = settings;
  return { cpuPeriodUs, cpuQuotaUs: cpuQuotaUs(limitMilli, cpuPeriodUs) };
}

/**
 * In nano-units: the sum of regular containers and sidecars, or the largest step of initialization.
 */
function podAmount(pod: Pod, side: 'limits' | 'requests', name: string): bigint {
  const whole = amount(pod.spec?.resources?.[side]?.[name]);
  if (whole > 0n) return whole;
  return largestNeed(pod, ({ resources }) => amount(resources?.[side]?.[name]));
}

function amount(text: string | undefined): bigint {
  return parseQuantity(text ?? '0') ?? 0n;
}

function milli(text: string | undefined): number {
  return quantityToMilli(amount(text));
}

function bytes(text: string | undefined): number {
  return quantityToUnits(amount(text));
}
