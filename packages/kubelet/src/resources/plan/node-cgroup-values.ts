import { quantityToMilli, quantityToUnits } from '@nodeagent/base';
import { type CgroupValues, cpuShares } from '@nodeagent/cgroups';

import { hugepageLimits } from './hugepage-values.js';

/** Amounts of a machine's resources, in nano-units by name; absent ones are not reserved. */
export type NodeReserve = Readonly<Partial<Record<string, bigint>>>;

export interface NodeCapacity {
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  /** Undefined if the kernel does not tell it. */
  readonly maxPids: number | undefined;
}

/**
 * Limits for all pods together: the machine's capacity minus reserved resources. The eviction
 * reserve is not subtracted: pods must be able to use it, or eviction would never see the threshold
 * crossed.
 *
 * @param reserved empty if the reservations are not enforced on pods: their CPU weight is still set,
 *   because the kernel's default starves pods on a machine with many CPUs
 * @see Kubernetes 1.36 pkg/kubelet/cm/node_container_manager_linux.go, getNodeAllocatableAbsolute
 */
export function allPodsValues(
  { cpuMilli, memoryBytes, maxPids }: NodeCapacity,
  reserved: readonly NodeReserve[],
): CgroupValues {
  const left = (from: number, amountOf: (part: NodeReserve) => number): number =>
    reserved.reduce((rest, part) => Math.max(0, rest - amountOf(part)), from);
  const memoryLimitBytes = left(memoryBytes, (part) => quantityToUnits(part['memory'] ?? 0n));
  const pidsMax = left(maxPids ?? 0, (part) => quantityToUnits(part['pid'] ?? 0n));
  return {
    cpuShares: cpuShares(left(cpuMilli, (part) => quantityToMilli(part['cpu'] ?? 0n))),
    ...(memoryLimitBytes > 0 && { memoryLimitBytes }),
    ...(pidsMax > 0 && { pidsMax }),
  };
}

/** A cgroup outside of `kubepods` that is limited to the resources reserved for it. */
export interface ReservedCgroup {
  /** The field of the configuration that contains its path. */
  readonly field: 'systemReservedCgroup' | 'kubeReservedCgroup';
  readonly path: string;
  /** The part of upstream's messages that names it: `System Reserved Compressible`. */
  readonly title: string;
  /** The same in the message of success: `system`. */
  readonly group: 'system' | 'kube';
  /** Undefined if nothing is reserved, which is a mistake. */
  readonly values: CgroupValues | undefined;
}

export interface ReservedRules {
  /** `enforceNodeAllocatable` */
  readonly enforced: readonly string[];
  readonly system: Readonly<{ path: string; reserve: NodeReserve }>;
  readonly kube: Readonly<{ path: string; reserve: NodeReserve }>;
  /** The kernel leaves them their reserved memory. */
  readonly protectsMemory?: boolean;
  /** Sizes of the machine's huge pages in KiB; none when absent. */
  readonly hugepageKib?: readonly number[];
}

/** Reserved cgroups to limit, in upstream's order. */
export function reservedCgroups(rules: ReservedRules): readonly ReservedCgroup[] {
  const { enforced, system, kube } = rules;
  const groups = [
    { group: 'system', title: 'System Reserved', field: 'systemReservedCgroup', ...system },
    { group: 'kube', title: 'Kube Reserved', field: 'kubeReservedCgroup', ...kube },
  ] as const;
  const whole = groups
    .filter(({ group }) => enforced.includes(`${group}-reserved`))
    .map(({ reserve, ...rest }) => ({ ...rest, values: reservedValues(reserve, rules) }));
  const compressible = groups
    .filter(({ group }) => enforced.includes(`${group}-reserved-compressible`))
    .map(({ reserve, title, ...rest }) => {
      const values = reservedValues(reserve, {});
      const compressed = values && { cpuShares: values.cpuShares };
      return { ...rest, title: `${title} Compressible`, values: compressed };
    });
  return [...whole, ...compressible];
}

/** @see Kubernetes 1.36 pkg/kubelet/cm/node_container_manager_linux.go, getCgroupConfigInternal */
function reservedValues(
  reserve: NodeReserve,
  {
    protectsMemory = false,
    hugepageKib = [],
  }: Pick<ReservedRules, 'protectsMemory' | 'hugepageKib'>,
): CgroupValues | undefined {
  if (Object.keys(reserve).length === 0) return undefined;
  const { cpu, memory, pid } = reserve;
  return {
    ...(cpu !== undefined && { cpuShares: cpuShares(quantityToMilli(cpu)) }),
    ...(memory !== undefined && { memoryLimitBytes: quantityToUnits(memory) }),
    ...(memory !== undefined && protectsMemory && { memoryMinBytes: quantityToUnits(memory) }),
    ...(pid !== undefined && { pidsMax: quantityToUnits(pid) }),
    ...hugepageLimits(hugepageKib, Object.entries(reserve)),
  };
}
