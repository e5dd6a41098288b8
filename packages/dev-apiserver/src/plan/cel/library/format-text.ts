import { Buffer } from 'node:buffer';

import {
  CelDuration,
  CelList,
  CelMap,
  CelSpecial,
  CelTimestamp,
  CelUint,
  type CelValue,
  EvaluationError,
  numberOf,
  typeNameOf,
} from '../../../model/cel/value.js';
import { showDouble } from './conversions.js';
import { showDuration, showTimestamp } from './times.js';

const CLAUSE = /%(?:(%)|(?:\.(\d{1,3}))?([sdfeboxX]))|%/g;

/**
 * Fills in a text with `%s`, `%d`, `%f`, `%e`, `%b`, `%o`, `%x`, `%X`, as `'…'.format([…])` does.
 *
 * @see github.com/google/cel-go ext/strings.go
 */
export function formatted(pattern: string, values: readonly CelValue[]): string {
  let used = 0;
  return pattern.replace(CLAUSE, (clause, percent?: string, digits?: string, verb?: string) => {
    if (percent !== undefined) return '%';
    if (verb === undefined) throw new EvaluationError(`unrecognized formatting clause "${clause}"`);
    const value = values[used];
    if (value === undefined) throw new EvaluationError(`index ${used} out of range`);
    used += 1;
    return shown(value, verb, Number(digits ?? 6));
  });
}

function shown(value: CelValue, verb: string, digits: number): string {
  switch (verb) {
    case 's':
      return shownText(value);
    case 'f':
      return shownFraction(value, (number) => number.toFixed(digits));
    case 'e':
      return shownFraction(value, (number) => scientific(number, digits));
    case 'x':
    case 'X':
      return hexadecimal(value, verb === 'X');
    default:
      return whole(value, verb);
  }
}

/** Writes a value for a text: `[1, a]`, `{k: v}`. */
function shownText(value: CelValue): string {
  if (value === null) return 'null';
  if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : showDouble(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (value instanceof CelList) return `[${value.items.map(shownInside).join(', ')}]`;
  if (value instanceof CelTimestamp) return showTimestamp(value);
  if (value instanceof CelDuration) return showDuration(value);
  if (value instanceof CelMap) {
    const entries = [...value.entries].map(
      ([key, item]) => `${shownInside(key)}:${shownInside(item)}`,
    );
    return `{${entries.sort().join(', ')}}`;
  }
  if (value instanceof CelSpecial) return value.identity;
  throw wrongValue(value);
}

/** Texts, and what is written like them, are quoted inside lists and maps. */
function shownInside(value: CelValue): string {
  return typeof value === 'string' ? JSON.stringify(value) : shownText(value);
}

/** Returns what is wrong with a pattern whose values are written beside it. */
export function formatProblem(pattern: string, count: number): string | undefined {
  let used = 0;
  for (const { 1: percent, 3: verb, index } of pattern.matchAll(CLAUSE)) {
    if (percent !== undefined) continue;
    if (verb === undefined) {
      const next = pattern.slice(index + 1, index + 2);
      return `could not parse formatting clause: unrecognized formatting clause "${next}"`;
    }
    if (used >= count) return `index ${used} out of range`;
    used += 1;
  }
  if (used >= count) return undefined;
  return `too many arguments supplied to string.format (expected ${used}, got ${count})`;
}

function shownFraction(value: CelValue, show: (number: number) => string): string {
  const number = numberOf(value);
  if (number === undefined) throw wrongValue(value);
  const asDouble = Number(number);
  return Number.isFinite(asDouble) ? show(asDouble) : showDouble(asDouble);
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** `3.140000×10⁰⁰`, as Go's printer for English writes it. */
function scientific(value: number, digits: number): string {
  const [mantissa = '', exponent = ''] = value.toExponential(digits).split('e');
  const size = exponent.slice(1).padStart(2, '0');
  const raised = Array.from(size, (digit) => SUPERSCRIPTS[Number(digit)] ?? '').join('');
  return `${mantissa}×10${exponent.startsWith('-') ? '⁻' : ''}${raised}`;
}

function hexadecimal(value: CelValue, upper: boolean): string {
  const hex =
    typeof value === 'string' || value instanceof Uint8Array
      ? Buffer.from(value).toString('hex')
      : wholeOf(value).toString(16);
  return upper ? hex.toUpperCase() : hex;
}

const RADIX: Readonly<Record<string, number>> = { d: 10, b: 2, o: 8 };

function whole(value: CelValue, verb: string): string {
  if (typeof value === 'boolean' && verb === 'b') return value ? '1' : '0';
  if (typeof value === 'number' && verb === 'd' && !Number.isFinite(value))
    return showDouble(value);
  return wholeOf(value).toString(RADIX[verb] ?? 10);
}

function wholeOf(value: CelValue): bigint {
  if (typeof value === 'bigint') return value;
  if (value instanceof CelUint) return value.value;
  throw wrongValue(value);
}

function wrongValue(value: CelValue): EvaluationError {
  return new EvaluationError(`error during formatting: no such clause for ${typeNameOf(value)}`);
}
