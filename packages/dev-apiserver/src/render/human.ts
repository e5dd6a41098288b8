import { parseTimestamp } from '@nodeagent/base';

import { type ApiObject, isObject, listAt, textAt } from '../model/object.js';

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const YEAR = 365 * DAY;

/** `5s`, `3m7s`, `12m`, `5h3m`, `30h`, `4d2h`, `90d`, `2y31d`. @see apimachinery pkg/util/duration */
export function humanDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (big: number, unit: string, small: number, smallUnit: string): string => {
    const rest = Math.floor((seconds % big) / small);
    return `${Math.floor(seconds / big)}${unit}${rest === 0 ? '' : `${rest}${smallUnit}`}`;
  };
  if (seconds < 2 * MINUTE) return `${seconds}s`;
  if (seconds < 10 * MINUTE) return two(MINUTE, 'm', 1, 's');
  if (seconds < 3 * HOUR) return `${Math.floor(seconds / MINUTE)}m`;
  if (seconds < 8 * HOUR) return two(HOUR, 'h', MINUTE, 'm');
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)}h`;
  if (seconds < 8 * DAY) return two(DAY, 'd', HOUR, 'h');
  if (seconds < 2 * YEAR) return `${Math.floor(seconds / DAY)}d`;
  if (seconds < 8 * YEAR) return two(YEAR, 'y', DAY, 'd');
  return `${Math.floor(seconds / YEAR)}y`;
}

/** Renders the time that has passed since the time at this path. */
export function since(object: unknown, path: string, nowMs: number): string {
  const atMs = parseTimestamp(textAt(object, path));
  return atMs === undefined ? '<unknown>' : humanDuration(nowMs - atMs);
}

export function orNone(text: string): string {
  return text === '' ? '<none>' : text;
}

export function labelsText(labels: unknown): string {
  if (!isObject(labels)) return '<none>';
  return orNone(
    Object.entries(labels)
      .map(([key, value]) => `${key}=${String(value)}`)
      .join(','),
  );
}

export function containerTexts(object: ApiObject, field: 'name' | 'image'): string {
  const containers = listAt(object, 'spec.template.spec.containers');
  return containers.map((container) => textAt(container, field)).join(',');
}
