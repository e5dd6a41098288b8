const SYNTAX = /^\d{4}-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/**
 * Formats milliseconds since the Unix epoch as RFC 3339 text in UTC, truncated (not rounded) to
 * whole seconds or to `fractionDigits`. Kubernetes' Time has no fraction digits, its MicroTime six.
 */
export function formatTimestamp(ms: number, fractionDigits = 0): string {
  const iso = new Date(Math.floor(ms)).toISOString(); // ends in `.mmmZ`
  const seconds = iso.slice(0, -5);
  if (fractionDigits === 0) return `${seconds}Z`;
  const fraction = Math.floor(((ms - Math.floor(ms / 1000) * 1000) * 10 ** fractionDigits) / 1000);
  return `${seconds}.${String(fraction).padStart(fractionDigits, '0')}Z`;
}

/**
 * Parses RFC 3339 text.
 *
 * @returns milliseconds since the Unix epoch; undefined for other text, and for days and hours
 *   that do not exist
 */
export function parseTimestamp(text: string): number | undefined {
  const found = SYNTAX.exec(text);
  if (found === null) return undefined;
  const [, month, day, hour, minute, second, fraction = '.0', zone = 'Z'] = found;
  const date = `${text.slice(0, 5)}${month}-${day}`;
  const midnightMs = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(midnightMs) || formatTimestamp(midnightMs).slice(0, 10) !== date)
    return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second) + Number(fraction);
  return midnightMs + seconds * 1000 - offsetMs(zone);
}

function offsetMs(zone: string): number {
  if (zone === 'Z' || zone === 'z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4));
  return (zone.startsWith('-') ? -1 : 1) * minutes * 60_000;
}
