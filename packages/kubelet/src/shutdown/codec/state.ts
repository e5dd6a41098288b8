import type { ShutdownTimes } from '../model/shutdown-period.js';

/** Go's time of nothing. */
const NEVER = '0001-01-01T00:00:00Z';

/** Renders the file that keeps the times of the last shutdown, as the Go kubelet does. */
export function renderState({ startMs, endMs }: ShutdownTimes): string {
  const text = (ms: number | undefined): string =>
    ms === undefined ? NEVER : new Date(ms).toISOString();
  return JSON.stringify({ startTime: text(startMs), endTime: text(endMs) });
}

/** Reads the file's content; whatever cannot be understood is as if it had never been. */
export function parseState(content: string): ShutdownTimes {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    value = undefined; // cut off by a power failure
  }
  const timeOf = (name: string): number | undefined => {
    if (typeof value !== 'object' || value === null) return undefined;
    const text: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
    const ms = typeof text === 'string' && text !== NEVER ? Date.parse(text) : Number.NaN;
    return Number.isNaN(ms) ? undefined : ms;
  };
  return { startMs: timeOf('startTime'), endMs: timeOf('endTime') };
}
