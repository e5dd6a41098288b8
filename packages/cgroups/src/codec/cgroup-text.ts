import { wholeNumber } from '@nodeagent/base';

import type { Pressure, PressureData } from '../model/usage.js';

/** Limits from here on are none: cgroup v1 writes the largest number of pages there can be. */
const NO_LIMIT = 2 ** 62;

/** A file that holds one number; undefined for `max`, for v1's idea of it, and without the file. */
export function singleValue(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = wholeNumber(text);
  return value === undefined || value >= NO_LIMIT ? undefined : value;
}

/** The number after a word at the start of a line, as in `memory.stat`. */
export function keyedValue(text: string | undefined, key: string): number | undefined {
  if (text === undefined) return undefined;
  const word = `${key} `;
  const at = text.startsWith(word) ? 0 : text.indexOf(`\n${word}`) + 1;
  if (at === 0 && !text.startsWith(word)) return undefined;
  return wholeNumber(text.slice(at + word.length, at + word.length + 24));
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and the same of `full`. */
export function parsePressure(text: string | undefined): Pressure | undefined {
  const some = pressureLine(text, 'some');
  return some && { some, full: pressureLine(text, 'full') };
}

const PRESSURE = {
  some: /^some avg10=(\d{1,9}(?:\.\d{1,9})?) avg60=(\d{1,9}(?:\.\d{1,9})?) avg300=(\d{1,9}(?:\.\d{1,9})?) total=(\d{1,20})$/m,
  full: /^full avg10=(\d{1,9}(?:\.\d{1,9})?) avg60=(\d{1,9}(?:\.\d{1,9})?) avg300=(\d{1,9}(?:\.\d{1,9})?) total=(\d{1,20})$/m,
} as const;

function pressureLine(
  text: string | undefined,
  kind: keyof typeof PRESSURE,
): PressureData | undefined {
  const found = text === undefined ? null : PRESSURE[kind].exec(text);
  if (found === null) return undefined;
  return {
    avg10Percent: Number(found[1]),
    avg60Percent: Number(found[2]),
    avg300Percent: Number(found[3]),
    totalUs: Number(found[4]),
  };
}

export function countLines(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  let lines = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

/** Two numbers with a colon, as devices are written; undefined for other texts. */
export function deviceNumbers(text: string): readonly [number, number] | undefined {
  const found = /^(\d{1,10}):(\d{1,10})$/.exec(text);
  return found === null ? undefined : [Number(found[1]), Number(found[2])];
}
