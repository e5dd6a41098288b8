const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3, // U+00B5
  μs: 1e3, // U+03BC
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
/** Go's largest duration: it stores a duration as 64-bit nanoseconds. */
const MAX_NS = 2 ** 63;

/**
 * Reads Go's duration text (`1h15m30.918s`, `250ms`, `-2s`, `0`).
 *
 * @returns milliseconds, fractional below one; undefined for anything Go refuses
 * @see Go time.ParseDuration
 * @example
 * ```ts
 * import { parseGoDuration } from '@nodeagent/base';
 *
 * console.log(parseGoDuration('1m30s')); // 90000
 * console.log(parseGoDuration('90')); // undefined
 * ```
 */
export function parseGoDuration(text: string): number | undefined {
  const negative = text.startsWith('-');
  const body = negative || text.startsWith('+') ? text.slice(1) : text;
  if (body === '0') return 0;
  if (body === '') return undefined;
  let ns = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < body.length) {
    const part = PART.exec(body);
    if (part === null) return undefined;
    ns += Number(part[1]) * (UNIT_NS[part[2] ?? ''] ?? Number.NaN);
  }
  if (!(ns < MAX_NS)) return undefined;
  const ms = ns / 1e6;
  return negative && ms !== 0 ? -ms : ms;
}

/**
 * Writes milliseconds the way Go prints a duration: `1h0m0s`, `1m30s`, `1.5s`, `250ms`, `0s`.
 *
 * @see Go time.Duration.String
 */
export function formatGoDuration(ms: number): string {
  if (ms === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  const ns = Math.round(Math.abs(ms) * 1e6);
  if (ns < 1e3) return `${sign}${ns}ns`;
  if (ns < 1e6) return `${sign}${trimmed(ns / 1e3, 3)}µs`;
  if (ns < 1e9) return `${sign}${trimmed(ns / 1e6, 6)}ms`;
  const wholeSeconds = Math.floor(ns / 1e9);
  const hours = Math.floor(wholeSeconds / 3600);
  const minutes = Math.floor(wholeSeconds / 60) % 60;
  const seconds = trimmed((wholeSeconds % 60) + (ns % 1e9) / 1e9, 9);
  const head = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : '';
  return `${sign}${head}${seconds}s`;
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
