/** More CPUs than any machine has; a range beyond it is a mistake that would only fill the memory. */
const MOST_CPUS = 65_536;

/**
 * Reads a list of CPUs such as `0-3,8`.
 *
 * @returns CPU numbers; undefined for text that is not such a list
 * @see Linux Documentation/admin-guide/kernel-parameters.rst, "cpu lists"
 */
export function parseCpuSet(text: string): ReadonlySet<number> | undefined {
  const cpus = new Set<number>();
  if (text === '') return cpus;
  for (const part of text.split(',')) {
    const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (first === undefined || from > to || to >= MOST_CPUS) return undefined;
    for (let cpu = from; cpu <= to; cpu += 1) cpus.add(cpu);
  }
  return cpus;
}
