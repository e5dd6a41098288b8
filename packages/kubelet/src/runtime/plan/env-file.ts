import { Buffer } from 'node:buffer';

import { trimEndOf, trimStartOf } from '@nodeagent/base';

/** The variables of a file, up to its first invalid line. */
export interface EnvFile {
  /** The first value of each name. */
  readonly values: ReadonlyMap<string, string>;
  readonly problem: string | undefined;
}

/** The result of looking up one variable in a file. */
export type EnvFileAnswer =
  | Readonly<{ kind: 'value'; value: string }>
  | Readonly<{ kind: 'absent' }>
  | Readonly<{ kind: 'problem'; problem: string }>;

const BLANKS = ' \t';
/**
 * Without the line ending.
 *
 * @see Go bufio.MaxScanTokenSize
 */
const LONGEST_LINE_BYTES = 65_535;
const MOST_BYTES_PER_CHARACTER = 3;

/**
 * Parses a file of `NAME='value'` lines. Values are in single quotes, have no escapes and may span
 * several lines; `#` begins a comment. A blank after the `=` makes the value empty. Linear: each
 * character is read a fixed number of times.
 *
 * @see Kubernetes 1.36 pkg/kubelet/util/env/env_util.go
 */
export function parseEnvFile(text: string): EnvFile {
  const values = new Map<string, string>();
  const lines = new Lines(text);
  for (let line = lines.next(); line !== undefined; line = lines.next()) {
    const entry = readEntry(line, lines);
    if (typeof entry === 'string') return { values, problem: entry };
    if (entry !== undefined && !values.has(entry.name)) values.set(entry.name, entry.value);
  }
  return { values, problem: lines.problem };
}

/**
 * The value of a variable. Lines after its first occurrence are not validated: a file may end in
 * another format.
 */
export function findInEnvFile({ values, problem }: EnvFile, key: string): EnvFileAnswer {
  const value = values.get(key);
  if (value !== undefined) return { kind: 'value', value };
  return problem === undefined ? { kind: 'absent' } : { kind: 'problem', problem };
}

type Entry = Readonly<{ name: string; value: string }>;

/** @returns undefined for a line without a variable; an error message for an invalid line */
function readEntry(line: string, lines: Lines): Entry | string | undefined {
  const start = trimStartOf(line, BLANKS);
  if (start === '' || start.startsWith('#')) return undefined;
  const refuse = (why: string): string => badLine(lines.number, why);
  const equals = start.indexOf('=');
  if (equals < 0) return refuse("missing '='");
  const name = start.slice(0, equals);
  if (trimEndOf(name, BLANKS) === '') return refuse('empty variable name');
  if (trimEndOf(name, BLANKS) !== name) return refuse("whitespace before '='");
  const value = start.slice(equals + 1);
  if (value !== '' && BLANKS.includes(value.charAt(0))) return { name, value: '' };
  if (!value.startsWith("'")) return refuse('value must be enclosed in single quotes');
  const quoted = readQuoted(value.slice(1), lines);
  return typeof quoted === 'string' ? quoted : { name, value: quoted.text };
}

/** @param start the rest of the line after the opening quote */
function readQuoted(start: string, lines: Lines): Readonly<{ text: string }> | string {
  const first = lines.number;
  const parts: string[] = [];
  for (let rest: string | undefined = start; rest !== undefined; rest = lines.next()) {
    const end = rest.indexOf("'");
    if (end < 0) {
      parts.push(rest);
      continue;
    }
    parts.push(rest.slice(0, end));
    const after = trimStartOf(rest.slice(end + 1), BLANKS);
    if (after === '' || after.startsWith('#')) return { text: parts.join('\n') };
    return badLine(lines.number, 'unexpected content after closing quote');
  }
  return lines.problem ?? badLine(first, 'unclosed single quote');
}

function badLine(number: number, why: string): string {
  return `invalid environment variable format at line ${number}: ${why}`;
}

/**
 * The lines of a text in order, without `
 * ` or `\r
 * `; ends at a line that is too long.
 */
class Lines {
  /** Number of the last returned line, from 1. */
  number = 0;
  problem: string | undefined;
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(): string | undefined {
    const text = this.#text;
    if (this.#at >= text.length || this.problem !== undefined) return undefined;
    const newline = text.indexOf('\n', this.#at);
    const line = text.slice(this.#at, newline < 0 ? text.length : newline);
    this.#at += line.length + 1;
    this.number += 1;
    if (isTooLong(line)) {
      this.problem = badLine(this.number, `longer than ${LONGEST_LINE_BYTES} bytes`);
      return undefined;
    }
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }
}

function isTooLong(line: string): boolean {
  const mayBe = line.length * MOST_BYTES_PER_CHARACTER > LONGEST_LINE_BYTES;
  return mayBe && Buffer.byteLength(line) > LONGEST_LINE_BYTES;
}
