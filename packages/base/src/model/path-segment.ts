import type { Brand } from './brand.js';

/**
 * One name of a path that came from outside, checked by {@link parsePathSegment}: joined to a
 * directory it names an entry of that directory and nothing else.
 */
export type PathSegment = Brand<string, 'PathSegment'>;

/** NAME_MAX of Linux, in bytes. @see limits.h(0p) */
const MAX_BYTES = 255;

/** @returns undefined for text that is no single, safe name: see {@link pathSegmentProblem} */
export function parsePathSegment(text: string): PathSegment | undefined {
  return pathSegmentProblem(text) === undefined ? (text as PathSegment) : undefined;
}

/** @returns why the text cannot be one name of a path; undefined when it can */
export function pathSegmentProblem(text: string): string | undefined {
  if (text === '') return 'must not be empty';
  if (text === '.' || text === '..') return `must not be '${text}'`;
  if (text.includes('/')) return "must not contain '/'";
  if (text.includes('\0')) return 'must not contain a NUL';
  if (Buffer.byteLength(text) > MAX_BYTES) return `must be no more than ${MAX_BYTES} bytes`;
  return undefined;
}

/**
 * A name that must be safe by now, because whatever it belongs to was checked when it came in.
 *
 * @param what names it in the error, e.g. `volume name`
 * @throws {RangeError} when it is not
 */
export function toPathSegment(text: string, what: string): PathSegment {
  const problem = pathSegmentProblem(text);
  if (problem === undefined) return text as PathSegment;
  throw new RangeError(`${what} ${JSON.stringify(text.slice(0, MAX_BYTES))}: ${problem}`);
}
