import { parseGoDuration, parseTimestamp, trimEndOf } from '@nodeagent/base';

import {
  CelDuration,
  CelTimestamp,
  type CelValue,
  EvaluationError,
} from '../../../model/cel/value.js';
import { duration, int, text, timestamp } from '../arguments.js';
import type { Library } from '../signature.js';

const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;
/** The years 1 to 9999. @see google.protobuf.Timestamp */
export const FIRST_NS = -62_135_596_800n * NS_PER_SECOND;
const LAST_NS = 253_402_300_800n * NS_PER_SECOND - 1n;

/** @returns undefined for text that is not RFC 3339 */
export function parseCelTimestamp(value: string): CelTimestamp | undefined {
  const fraction = /\.(\d{1,9})\d*/.exec(value);
  const ms = parseTimestamp(value.replace(/\.\d+/, ''));
  if (ms === undefined) return undefined;
  const zone = /[+-]\d\d:\d\d$/.exec(value)?.[0] ?? 'Z';
  return inRange(BigInt(ms) * NS_PER_MS + BigInt((fraction?.[1] ?? '').padEnd(9, '0')), zone);
}

function inRange(ns: bigint, zone = 'Z'): CelTimestamp | undefined {
  return ns >= FIRST_NS && ns <= LAST_NS ? new CelTimestamp(ns, zone) : undefined;
}

/** @returns undefined for text that Go does not read as a duration */
export function parseCelDuration(value: string): CelDuration | undefined {
  const ms = parseGoDuration(value);
  return ms === undefined ? undefined : new CelDuration(BigInt(Math.round(ms * 1e6)));
}

function toTimestamp(value: CelTimestamp | undefined): CelTimestamp {
  if (value === undefined) throw new EvaluationError('invalid timestamp');
  return value;
}

function toDuration(value: CelDuration | undefined): CelDuration {
  if (value === undefined) throw new EvaluationError('invalid duration');
  return value;
}

/** RFC 3339 in the zone it was written in, with no more digits of the second than needed. */
export function showTimestamp({ ns, zone }: CelTimestamp): string {
  const ms = Number(ns / NS_PER_MS - (ns % NS_PER_MS < 0n ? 1n : 0n));
  const offset = zone === 'Z' ? 0 : offsetMs(ms, zone);
  const seconds = new Date(ms + offset).toISOString().slice(0, -5);
  const fraction = fractionText(((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND);
  return `${seconds}${fraction}${offset === 0 ? 'Z' : zone}`;
}

/** Seconds, as protobuf writes a duration: `90s`, `0.5s`. */
export function showDuration({ ns }: CelDuration): string {
  const size = ns < 0n ? -ns : ns;
  return `${ns < 0n ? '-' : ''}${size / NS_PER_SECOND}${fractionText(size % NS_PER_SECOND)}s`;
}

function fractionText(ns: bigint): string {
  return ns === 0n ? '' : `.${trimEndOf(String(ns).padStart(9, '0'), '0')}`;
}

type Part = (local: Date) => number;

const PARTS: Readonly<Record<string, Part>> = {
  getFullYear: (local) => local.getUTCFullYear(),
  getMonth: (local) => local.getUTCMonth(),
  getDate: (local) => local.getUTCDate(),
  getDayOfMonth: (local) => local.getUTCDate() - 1,
  getDayOfWeek: (local) => local.getUTCDay(),
  getDayOfYear: (local) =>
    Math.floor((local.getTime() - Date.UTC(local.getUTCFullYear(), 0, 1)) / 86_400_000),
  getHours: (local) => local.getUTCHours(),
  getMinutes: (local) => local.getUTCMinutes(),
  getSeconds: (local) => local.getUTCSeconds(),
  getMilliseconds: (local) => local.getUTCMilliseconds(),
};

function partOf(part: Part, time: CelValue, zone: string): bigint {
  const ms = Number(timestamp(time).ns / NS_PER_MS);
  return BigInt(part(new Date(ms + offsetMs(ms, zone))));
}

const OFFSET = /^([+-]?)(\d\d):(\d\d)$/;

/** @param zone an offset like `-05:30`, or a name like `Europe/Berlin` */
function offsetMs(ms: number, zone: string): number {
  const offset = OFFSET.exec(zone);
  if (offset !== null) {
    const [, sign, hours, minutes] = offset;
    return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  }
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    const shown = format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    return shown === 'GMT' ? 0 : offsetMs(ms, shown.replace('GMT', ''));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new EvaluationError(`unknown time zone ${zone}`);
  }
}

const OF_DURATION: Readonly<Record<string, bigint>> = {
  getHours: 3_600n * NS_PER_SECOND,
  getMinutes: 60n * NS_PER_SECOND,
  getSeconds: NS_PER_SECOND,
  getMilliseconds: NS_PER_MS,
};

export const TIMES: Library = [
  ['timestamp', '(string) timestamp', (a) => toTimestamp(parseCelTimestamp(text(a)))],
  ['timestamp', '(timestamp) timestamp', timestamp],
  ['timestamp', '(int) timestamp', (a) => toTimestamp(inRange(int(a) * NS_PER_SECOND))],
  ['duration', '(string) duration', (a) => toDuration(parseCelDuration(text(a)))],
  ['duration', '(duration) duration', duration],
  ['duration', '(int) duration', (a) => new CelDuration(int(a))],
  ['int', '(timestamp) int', (a) => timestamp(a).ns / NS_PER_SECOND],
  ['int', '(duration) int', (a) => duration(a).ns],
  ['string', '(timestamp) string', (a) => showTimestamp(timestamp(a))],
  ['string', '(duration) string', (a) => showDuration(duration(a))],
  ...Object.entries(PARTS).flatMap(([name, part]): Library => [
    [name, 'timestamp.() int', (a) => partOf(part, a, '+00:00')],
    [name, 'timestamp.(string) int', (a, b) => partOf(part, a, text(b))],
  ]),
  ...Object.entries(OF_DURATION).flatMap(([name, unit]): Library => [
    [name, 'duration.() int', (a) => duration(a).ns / unit],
  ]),
];
