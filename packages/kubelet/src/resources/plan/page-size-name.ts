/** In the notation of the kernel's cgroups and of runtimes: `64KB`, `2MB`, `1GB`. */
export function pageSizeName(kib: number): string {
  if (kib % 2 ** 20 === 0) return `${kib / 2 ** 20}GB`;
  return kib % 2 ** 10 === 0 ? `${kib / 2 ** 10}MB` : `${kib}KB`;
}
