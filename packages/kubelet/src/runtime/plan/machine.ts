/** The facts about a machine that container configurations depend on. */
export interface RuntimeMachine {
  /** Huge page sizes that the kernel supports, ascending. */
  readonly hugepageKib: readonly number[];
  /** Paths to hide from containers on this machine, besides those that are always hidden. */
  readonly maskedPaths: readonly string[];
  /** Files may need a label before containers can read them. */
  readonly selinux: boolean;
  readonly swapBytes: number;
  /** Support for limiting a container's swap, by cgroup version. */
  readonly limitsSwap: Readonly<{ v1: boolean; v2: boolean }>;
}

/** `0-2,7` → 0, 1, 2, 7; no CPUs for a text that is not such a list. */
export function parseCpuList(text: string): readonly number[] {
  return text
    .trim()
    .split(',')
    .flatMap((part) => {
      const found = /^(\d+)(?:-(\d+))?$/.exec(part);
      if (found === null) return [];
      const first = Number(found[1]);
      const last = Number(found[2] ?? first);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
}
