/**
 * Replacements for regular expressions that would not run in linear time, or that must not be built
 * from untrusted text. Untrusted text is matched and trimmed with these functions.
 */

/** Matches any number of characters except `/`. */
const RUN = Symbol('*');
/** Matches one character except `/`. */
const ONE = Symbol('?');

interface CharacterClass {
  readonly negated: boolean;
  /** Code points in pairs: the first range's lowest and highest, then the second's, … */
  readonly bounds: readonly number[];
}

/** A parsed pattern: its parts in order; a text part is one literal character. */
export type Glob = readonly (string | CharacterClass | typeof RUN | typeof ONE)[];

/**
 * Reads a shell pattern with the grammar of Go's `path/filepath.Match` on Linux: `*`, `?`,
 * `[a-z]`, `[^a-z]`, and `\` before a character that means itself. Linear in the pattern.
 *
 * @returns undefined for a malformed pattern, which matches nothing
 * @see Go 1.26 src/path/filepath/match.go
 * @example
 * ```ts
 * import { globMatches, parseGlob } from '@nodeagent/base';
 *
 * const images = parseGlob('*.example.com');
 * console.log(images !== undefined && globMatches(images, 'registry.example.com')); // true
 * ```
 */
export function parseGlob(pattern: string): Glob | undefined {
  const chars = Array.from(pattern);
  const parts: Glob[number][] = [];
  let at = 0;
  while (at < chars.length) {
    const char = chars[at] ?? '';
    at += 1;
    if (char === '*') {
      if (parts.at(-1) !== RUN) parts.push(RUN);
    } else if (char === '?') parts.push(ONE);
    else if (char === '[') {
      const found = readClass(chars, at);
      if (found === undefined) return undefined;
      parts.push(found.part);
      at = found.end;
    } else if (char === '\\') {
      const escaped = chars[at];
      if (escaped === undefined) return undefined;
      parts.push(escaped);
      at += 1;
    } else parts.push(char);
  }
  return parts;
}

/** @param at the position after the opening bracket */
function readClass(
  chars: readonly string[],
  at: number,
): Readonly<{ part: CharacterClass; end: number }> | undefined {
  const negated = chars[at] === '^';
  const bounds: number[] = [];
  let next = negated ? at + 1 : at;
  while (chars[next] !== ']' || bounds.length === 0) {
    const low = readClassCharacter(chars, next);
    if (low === undefined) return undefined;
    next = low.end;
    let high = low;
    if (chars[next] === '-') {
      const found = readClassCharacter(chars, next + 1);
      if (found === undefined) return undefined;
      high = found;
      next = high.end;
    }
    bounds.push(low.code, high.code);
  }
  return { part: { negated, bounds }, end: next + 1 };
}

function readClassCharacter(
  chars: readonly string[],
  at: number,
): Readonly<{ code: number; end: number }> | undefined {
  const isEscaped = chars[at] === '\\';
  const char = chars[isEscaped ? at + 1 : at];
  const isBare = !isEscaped && (char === '-' || char === ']');
  if (char === undefined || isBare) return undefined;
  return { code: char.codePointAt(0) ?? 0, end: at + (isEscaped ? 2 : 1) };
}

/**
 * Reports whether a pattern matches the whole text. Each run takes as few characters as it can, and
 * only the last run is retried: the number of steps is at most the length of the text times that of
 * the pattern.
 */
export function globMatches(glob: Glob, text: string): boolean {
  const chars = Array.from(text);
  let at = 0;
  let part = 0;
  let retry: { part: number; at: number } | undefined;
  for (;;) {
    const wanted = glob[part];
    if (wanted === RUN) {
      part += 1;
      retry = { part, at };
      continue;
    }
    const char = chars[at];
    if (wanted === undefined && char === undefined) return true;
    if (wanted !== undefined && char !== undefined && takes(wanted, char)) {
      part += 1;
      at += 1;
      continue;
    }
    // the text is used up: starting later leaves even less
    const given = retry === undefined ? undefined : chars[retry.at];
    if (retry === undefined || given === undefined || given === '/') return false;
    if (char === undefined && wanted !== undefined) return false;
    retry.at += 1;
    ({ part, at } = retry);
  }
}

function takes(part: string | CharacterClass | typeof ONE, char: string): boolean {
  if (part === ONE) return char !== '/';
  if (typeof part === 'string') return part === char;
  const code = char.codePointAt(0) ?? 0;
  const isInside = part.bounds.some(
    (low, at) => at % 2 === 0 && low <= code && code <= (part.bounds[at + 1] ?? low),
  );
  return isInside !== part.negated;
}

/** Removes the given characters from the end of a text. Linear, which `/[…]+$/` is not. */
export function trimEndOf(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

/** Removes the given characters from the start of a text. */
export function trimStartOf(text: string, characters: string): string {
  let start = 0;
  while (start < text.length && characters.includes(text.charAt(start))) start += 1;
  return text.slice(start);
}

/** Splits at the first separator; without a separator, the whole text is the first part. */
export function cutAt(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** In characters. Longer expressions are refused: parsing recurses once per nested bracket. */
const LONGEST_EXPRESSION = 4096;

/**
 * Reports whether a text is a valid regular expression. The expression is only parsed, never
 * matched: matching an untrusted expression may take forever, so that is left to a program that can
 * be stopped.
 */
export function isRegularExpression(text: string): boolean {
  if (text.length > LONGEST_EXPRESSION) return false;
  try {
    // eslint-disable-next-line house/no-built-patterns -- parsing an expression runs nothing
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
