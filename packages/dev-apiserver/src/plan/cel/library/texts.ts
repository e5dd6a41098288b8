import { CelList, EvaluationError } from '../../../model/cel/value.js';
import { count, items, text } from '../arguments.js';
import type { Library } from '../signature.js';
import { formatted } from './format-text.js';
import { REGEX } from './regex.js';

/** Positions in a text count its characters, not its UTF-16 units. */
function indexOf(value: string, wanted: string, from: number): bigint {
  if (wanted === '') return BigInt(from);
  const letters = Array.from(value);
  if (from < 0) throw new EvaluationError(`index out of range: ${from}`);
  const head = letters.slice(0, from).join('').length;
  const found = value.indexOf(wanted, head);
  return found < 0 ? -1n : BigInt(Array.from(value.slice(0, found)).length);
}

function lastIndexOf(value: string, wanted: string, from: number): bigint {
  if (wanted === '') return BigInt(from);
  const letters = Array.from(value);
  if (from < 0) throw new EvaluationError(`index out of range: ${from}`);
  if (from >= letters.length) return -1n;
  const found = value.lastIndexOf(wanted, letters.slice(0, from).join('').length);
  return found < 0 ? -1n : BigInt(Array.from(value.slice(0, found)).length);
}

function substring(value: string, start: number, end?: number): string {
  const letters = Array.from(value);
  const until = end ?? letters.length;
  if (start < 0 || start > letters.length) {
    throw new EvaluationError(`index out of range: ${start}`);
  }
  if (until < 0 || until > letters.length)
    throw new EvaluationError(`index out of range: ${until}`);
  if (start > until) {
    throw new EvaluationError(`invalid substring range. start: ${start}, end: ${until}`);
  }
  return letters.slice(start, until).join('');
}

function charAt(value: string, at: number): string {
  const letters = Array.from(value);
  if (at < 0 || at > letters.length) throw new EvaluationError(`index out of range: ${at}`);
  return letters[at] ?? '';
}

/** @param limit of the pieces; below 0 for no limit */
function split(value: string, separator: string, limit: number): CelList {
  const parts = separator === '' ? Array.from(value) : value.split(separator);
  if (limit < 0 || parts.length <= limit) return new CelList(parts);
  if (limit === 0) return new CelList([]);
  return new CelList([...parts.slice(0, limit - 1), parts.slice(limit - 1).join(separator)]);
}

/** @param limit of the replacements; below 0 for no limit */
function replace(value: string, old: string, by: string, limit: number): string {
  if (limit < 0) return value.replaceAll(old, () => by);
  const parts = split(value, old, limit + 1).items.map(text);
  return parts.join(by);
}

function ascii(value: string, upper: boolean): string {
  return upper
    ? value.replace(/[a-z]/g, (letter) => letter.toUpperCase())
    : value.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\u0007', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
  ['\\', '\\\\'],
  ['"', '\\"'],
]);

function quoted(value: string): string {
  return `"${Array.from(value, (letter) => ESCAPES.get(letter) ?? letter).join('')}"`;
}

/** The white space of Unicode, which Go's TrimSpace removes. */
function trimmed(value: string): string {
  return value.trim();
}

export const TEXTS: Library = [
  ...REGEX,
  ['startsWith', 'string.(string) bool', (a, b) => text(a).startsWith(text(b))],
  ['endsWith', 'string.(string) bool', (a, b) => text(a).endsWith(text(b))],
  ['contains', 'string.(string) bool', (a, b) => text(a).includes(text(b))],
  ['charAt', 'string.(int) string', (a, b) => charAt(text(a), count(b))],
  ['indexOf', 'string.(string) int', (a, b) => indexOf(text(a), text(b), 0)],
  ['indexOf', 'string.(string, int) int', (a, b, c) => indexOf(text(a), text(b), count(c))],
  [
    'lastIndexOf',
    'string.(string) int',
    (a, b) => lastIndexOf(text(a), text(b), Math.max(0, Array.from(text(a)).length - 1)),
  ],
  ['lastIndexOf', 'string.(string, int) int', (a, b, c) => lastIndexOf(text(a), text(b), count(c))],
  ['lowerAscii', 'string.() string', (a) => ascii(text(a), false)],
  ['upperAscii', 'string.() string', (a) => ascii(text(a), true)],
  ['trim', 'string.() string', (a) => trimmed(text(a))],
  [
    'replace',
    'string.(string, string) string',
    (a, b, c) => replace(text(a), text(b), text(c), -1),
  ],
  [
    'replace',
    'string.(string, string, int) string',
    (a, b, c, d) => replace(text(a), text(b), text(c), count(d)),
  ],
  ['split', 'string.(string) list<string>', (a, b) => split(text(a), text(b), -1)],
  ['split', 'string.(string, int) list<string>', (a, b, c) => split(text(a), text(b), count(c))],
  ['substring', 'string.(int) string', (a, b) => substring(text(a), count(b))],
  ['substring', 'string.(int, int) string', (a, b, c) => substring(text(a), count(b), count(c))],
  ['join', 'list<string>.() string', (a) => items(a).map(text).join('')],
  ['join', 'list<string>.(string) string', (a, b) => items(a).map(text).join(text(b))],
  ['strings.quote', '(string) string', (a) => quoted(text(a))],
  ['format', 'string.(list<dyn>) string', (a, b) => formatted(text(a), items(b))],
];
