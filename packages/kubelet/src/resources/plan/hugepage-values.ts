import { parseQuantity, quantityToUnits } from '@nodeagent/base';
import type { CgroupValues } from '@nodeagent/cgroups';

import { pageSizeName } from './page-size-name.js';

const HUGEPAGES = 'hugepages-';

/** Sizes of the machine's huge pages in KiB. */
type Sizes = readonly number[];

/**
 * Limits a cgroup to the huge pages among the amounts. Sizes that these do not name are limited to 0.
 *
 * @param amounts in nano-units, by name: `hugepages-2Mi`
 * @see Kubernetes 1.36 pkg/kubelet/cm/cgroup_manager_linux.go, maybeSetHugetlb
 */
export function hugepageLimits(
  sizesKib: Sizes,
  amounts: Iterable<readonly [string, bigint | undefined]>,
): CgroupValues {
  const bytes = new Map<number, number>();
  for (const [name, amount = 0n] of amounts) {
    if (!name.startsWith(HUGEPAGES)) continue;
    const size = quantityToUnits(parseQuantity(name.slice(HUGEPAGES.length)) ?? 0n);
    bytes.set(size / 1024, quantityToUnits(amount));
  }
  return valuesOf(sizesKib, (kib) => bytes.get(kib) ?? 0);
}

/**
 * Pods together may use every huge page: each has a limit of its own, and the machine has no more than
 * it reserved.
 *
 * @see Kubernetes 1.36 pkg/kubelet/cm/qos_container_manager_linux.go, setHugePagesUnbounded
 */
export function anyHugepages(sizesKib: Sizes): CgroupValues {
  return valuesOf(sizesKib, () => -1);
}

function valuesOf(sizesKib: Sizes, bytesOf: (kib: number) => number): CgroupValues {
  if (sizesKib.length === 0) return {};
  const limits = sizesKib.map((kib) => [pageSizeName(kib), bytesOf(kib)] as const);
  return { hugepageBytes: Object.fromEntries(limits) };
}
