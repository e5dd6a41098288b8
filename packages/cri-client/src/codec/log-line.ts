import type { Buffer } from 'node:buffer';

import type { LogRecord } from '../model/log.js';

/** Parses one line, with or without its newline; returns undefined for a line in another format. */
export type LogLineParser = (line: Buffer) => LogRecord | undefined;

const SPACE = 0x20;
const NEWLINE = 0x0a;
const COLON = 0x3a;
const PARTIAL = 0x50; // P
/** Times of other months, days, hours or minutes than there are would be no numbers. */
const RFC3339 =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/**
 * Parses the CRI format: `2016-10-06T00:17:09.669794202Z stdout F text`, one record per line. The
 * third word is a colon-separated list of tags; the first tag says whether the line continues
 * (`P`).
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/cri-client/pkg/logs/logs.go, parseCRILog
 */
export function parseCriLogLine(line: Buffer): LogRecord | undefined {
  const timeEnd = line.indexOf(SPACE);
  const streamEnd = timeEnd === -1 ? -1 : line.indexOf(SPACE, timeEnd + 1);
  const tagsEnd = streamEnd === -1 ? -1 : line.indexOf(SPACE, streamEnd + 1);
  if (tagsEnd === -1) return undefined;
  const time = line.toString('latin1', 0, timeEnd);
  const stream = line.toString('latin1', timeEnd + 1, streamEnd);
  if ((stream !== 'stdout' && stream !== 'stderr') || !RFC3339.test(time)) return undefined;
  const after = line[streamEnd + 2];
  const partial = line[streamEnd + 1] === PARTIAL && (after === SPACE || after === COLON);
  const end = partial && line[line.length - 1] === NEWLINE ? line.length - 1 : line.length;
  return { time, stream, partial, content: line.subarray(tagsEnd + 1, end) };
}

const utf8 = new TextEncoder();

/**
 * Parses Docker's json-file format: `{"log":"text\n","stream":"stdout","time":"…"}`, one object per
 * line.
 */
export function parseDockerLogLine(line: Buffer): LogRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line.toString());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { log, stream, time } = value as Record<string, unknown>;
  if (typeof log !== 'string' || typeof time !== 'string' || !RFC3339.test(time)) return undefined;
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  return { time, stream, partial: !log.endsWith('\n'), content: utf8.encode(log) };
}

/** Detects the format from the first line. @returns undefined when it is neither format */
export function detectLogFormat(firstLine: Buffer): LogLineParser | undefined {
  return [parseCriLogLine, parseDockerLogLine].find((parse) => parse(firstLine) !== undefined);
}

/** Returns milliseconds since the Unix epoch, with fractions. */
export function logTimeMs(time: string): number {
  const dot = time.indexOf('.');
  if (dot === -1) return Date.parse(time);
  let end = dot + 1;
  while (end < time.length && isDigit(time.charCodeAt(end))) end += 1;
  const wholeMs = Date.parse(time.slice(0, dot) + time.slice(end));
  return wholeMs + Number(time.slice(dot, end)) * 1000;
}

/** Pads a time to nine digits of a second, so that columns line up. */
export function padLogTime(time: string): string {
  const [, whole = time, fraction = '', zone = ''] =
    /^([^.Z+]+?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/i.exec(time) ?? [];
  return `${whole}.${fraction.slice(0, 9).padEnd(9, '0')}${zone}`;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
