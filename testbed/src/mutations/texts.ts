import { DEEP_ARRAY_TEXT, DEEP_OBJECT_TEXT, HOSTILE_KEYS, HOSTILE_STRINGS } from './hostile.ts';
import { type Edit, type Mutator, mutator, pick } from './mutator.ts';

type Change = (text: string, edit: Edit, sample: string) => string | undefined;

/**
 * Mutates texts: lines, words and characters are removed, repeated, swapped, made endless or
 * replaced.
 */
export function mutatedTexts(samples: readonly string[]): Mutator<string> {
  return mutator(samples, (text, edit, sample) => {
    const [name, change] = pick(CHANGES, edit.change);
    const value = change(text, edit, sample);
    if (value === undefined) return undefined;
    return { value: value.slice(0, MOST), step: `${name} at ${edit.place} (${edit.detail})` };
  });
}

/** In characters. Repeating repeated text would fill memory. */
const MOST = 400_000;

/** Edits one of the lines. */
const line =
  (edit: (line: string, edit: Edit) => readonly string[]): Change =>
  (text, one) => {
    const lines = text.split('\n');
    const at = one.place % lines.length;
    return lines.toSpliced(at, 1, ...edit(lines[at] ?? '', one)).join('\n');
  };

/** Splits text into words and the separators between them. */
function pieces(text: string): string[] {
  return text.match(/[\p{L}\p{N}_.-]+|[^\p{L}\p{N}_.-]/gu) ?? [];
}

/** Edits one of the pieces of one of the lines. */
const piece = (edit: (piece: string, edit: Edit) => string): Change =>
  line((text, one) => {
    const all = pieces(text.slice(0, 10_000));
    if (all.length === 0) return [edit('', one)];
    const at = Math.floor(one.place / 7) % all.length;
    return [all.toSpliced(at, 1, edit(all[at] ?? '', one)).join('')];
  });

const CHANGES: readonly (readonly [string, Change])[] = [
  ['line removed', line(() => [])],
  ['line twice', line((text) => [text, text])],
  ['line 500 times', line((text) => Array.from({ length: 500 }, () => text.slice(0, 200)))],
  ['line emptied', line(() => [''])],
  ['line cut', line((text, { detail }) => [text.slice(0, detail % (text.length + 1))])],
  ['line begins later', line((text, { detail }) => [text.slice(detail % (text.length + 1))])],
  ['line indented', line((text, { detail }) => [' '.repeat(detail % 9) + text])],
  ['lines joined', (text, { place }) => withoutOne(text, '\n', place)],
  ['text cut', (text, { place }) => text.slice(0, place % (text.length + 1))],
  ['text begins later', (text, { place }) => text.slice(place % (text.length + 1))],
  ['text twice', (text) => text + text],
  ['CRLF', (text) => text.replaceAll('\n', '\r\n')],
  ['no line ends', (text) => text.replaceAll('\n', ' ')],
  ['byte order mark', (text) => `\ufeff${text}`],
  ['word replaced', piece((_, { detail }) => pick(HOSTILE_STRINGS, detail))],
  ['word replaced', piece((_, { detail }) => pick(HOSTILE_STRINGS, detail))],
  ['word replaced by a name', piece((_, { detail }) => pick(HOSTILE_KEYS, detail))],
  ['word removed', piece(() => '')],
  ['word twice', piece((word) => `${word} ${word}`)],
  ['word 2000 times', piece((word) => word.slice(0, 20).repeat(2000))],
  ['word negated', piece((word) => `-${word}`)],
  ['word with a fraction', piece((word) => `${word}.5`)],
  ['word deep', piece((_, { detail }) => (detail % 2 ? DEEP_ARRAY_TEXT : DEEP_OBJECT_TEXT))],
  [
    'another word',
    (text, edit, sample) =>
      piece(() => pick(pieces(sample.slice(0, 50_000)).concat(''), edit.detail))(
        text,
        edit,
        sample,
      ),
  ],
  [
    'character replaced',
    (text, { place, detail }) => withCharacter(text, place, pick(CHARACTERS, detail), 1),
  ],
  [
    'character inserted',
    (text, { place, detail }) => withCharacter(text, place, pick(CHARACTERS, detail), 0),
  ],
  ['emptied', () => ''],
];

const CHARACTERS = [
  ...Array.from('\u0000\t\r\n\v "\'\\`$%&*#!?=:;,.-+/<>[]{}()|~^@_09azAZéĊč\u2028\ufffd\ufeff'),
  '\ud800',
];

function withCharacter(text: string, place: number, character: string, instead: number): string {
  const at = place % (text.length + 1);
  return text.slice(0, at) + character + text.slice(at + instead);
}

function withoutOne(text: string, separator: string, number: number): string | undefined {
  const parts = text.split(separator);
  if (parts.length < 2) return undefined;
  const at = number % (parts.length - 1);
  return parts.toSpliced(at, 2, `${parts[at]}${parts[at + 1]}`).join(separator);
}
