/** What of a machine decides how its containers are made. */
export interface RuntimeMachine {
  /** Sizes of huge pages that the kernel has, ascending. */
  readonly hugepageKib: readonly number[];
  /** What containers are not to see on this machine, beside what they never see. */
  readonly maskedPaths: readonly string[];
  /** Files may need a label before containers may read them. */
  readonly selinux: boolean;
  readonly swapBytes: number;
  /** Whether a container's swap can be limited, by version of cgroups. */
  readonly limitsSwap: Readonly<{ v1: boolean; v2: boolean }>;
}

/** `0-2,7` → 0, 1, 2, 7; what is no such list has no CPUs. */
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

/** As runtimes name them: `64KB`, `2MB`, `1GB`. */
export function pageSizeName(kib: number): string {
  if (kib % 2 ** 20 === 0) return `${kib / 2 ** 20}GB`;
  return kib % 2 ** 10 === 0 ? `${kib / 2 ** 10}MB` : `${kib}KB`;
}
