/** Types that stand alone; `h` is an index of a file descriptor, which this package cannot receive. */
const BASIC = 'ybnqiuxtdsogh';

export type DbusType =
  | Readonly<{ code: 'basic'; letter: string }>
  | Readonly<{ code: 'variant' }>
  | Readonly<{ code: 'array'; of: DbusType }>
  | Readonly<{ code: 'struct'; fields: readonly DbusType[] }>
  | Readonly<{ code: 'entry'; key: DbusType; value: DbusType }>;

const MAX_LENGTH = 255;
const MAX_NESTING = 32;

interface Cursor {
  readonly text: string;
  at: number;
  arrays: number;
  structs: number;
}

/**
 * Parses a signature. Kept for the next time: programs use few of them.
 *
 * @returns undefined when the text is no signature, or nested deeper than the protocol allows
 */
export function parseSignature(text: string): readonly DbusType[] | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const cursor: Cursor = { text, at: 0, arrays: 0, structs: 0 };
  const types: DbusType[] = [];
  while (cursor.at < text.length) {
    const type = parseType(cursor);
    if (type === undefined) return undefined;
    types.push(type);
  }
  return types;
}

function parseType(cursor: Cursor): DbusType | undefined {
  const letter = cursor.text[cursor.at];
  if (letter === undefined) return undefined;
  cursor.at += 1;
  if (BASIC.includes(letter)) return { code: 'basic', letter };
  if (letter === 'v') return { code: 'variant' };
  if (letter === 'a') return parseArray(cursor);
  if (letter === '(') return parseStruct(cursor);
  return undefined;
}

function parseArray(cursor: Cursor): DbusType | undefined {
  if (cursor.arrays === MAX_NESTING) return undefined;
  cursor.arrays += 1;
  const isDictionary = cursor.text[cursor.at] === '{';
  const of = isDictionary ? parseEntry(cursor) : parseType(cursor);
  cursor.arrays -= 1;
  return of && { code: 'array', of };
}

function parseStruct(cursor: Cursor): DbusType | undefined {
  if (cursor.structs === MAX_NESTING) return undefined;
  cursor.structs += 1;
  const fields: DbusType[] = [];
  while (cursor.text[cursor.at] !== ')') {
    const field = parseType(cursor);
    if (field === undefined) return undefined;
    fields.push(field);
  }
  cursor.at += 1;
  cursor.structs -= 1;
  return fields.length === 0 ? undefined : { code: 'struct', fields };
}

function parseEntry(cursor: Cursor): DbusType | undefined {
  if (cursor.structs === MAX_NESTING) return undefined;
  cursor.structs += 1;
  cursor.at += 1;
  const key = parseType(cursor);
  const value = key?.code === 'basic' ? parseType(cursor) : undefined;
  if (key === undefined || value === undefined || cursor.text[cursor.at] !== '}') return undefined;
  cursor.at += 1;
  cursor.structs -= 1;
  return { code: 'entry', key, value };
}

const ALIGNMENTS: Readonly<Record<string, number>> = {
  ...{ y: 1, g: 1, n: 2, q: 2, b: 4, i: 4, u: 4, s: 4, o: 4, h: 4, x: 8, t: 8, d: 8 },
};

/** The multiple of bytes from the start of the message that a value of this type begins at. */
export function alignmentOf(type: DbusType): number {
  if (type.code === 'basic') return ALIGNMENTS[type.letter] ?? 1;
  if (type.code === 'variant') return 1;
  return type.code === 'array' ? 4 : 8;
}
