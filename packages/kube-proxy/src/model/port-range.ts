/** Ports that the proxy may listen on. */
export interface PortRange {
  readonly first: number;
  readonly count: number;
}

/**
 * Parses `8000-8099`, `8000+99` or `8000`; empty, `0` and `0-0` mean any port that the kernel picks.
 *
 * @returns undefined for other text
 * @see Kubernetes 1.36 apimachinery pkg/util/net/port_range.go
 */
export function parsePortRange(text: string): PortRange | 'any' | undefined {
  const [, from, sign, to] = /^(\d{1,5})(?:([-+])(\d{1,5}))?$/.exec(text.trim()) ?? [];
  if (text.trim() === '') return 'any';
  if (from === undefined) return undefined;
  const first = Number(from);
  const last = sign === undefined ? first : sign === '+' ? first + Number(to) : Number(to);
  if (first === 0 && last === 0) return 'any';
  if (first === 0 || last < first || last > 65_535) return undefined;
  return { first, count: last - first + 1 };
}
