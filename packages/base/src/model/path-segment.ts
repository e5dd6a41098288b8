import type { Brand } from './brand.js';

/**
 * One name of a path that came from outside and was checked by {@link parsePathSegment}: joined to
 * a directory, it names an entry of that directory and nothing else.
 */
export type PathSegment = Brand<string, 'PathSegment'>;

/** NAME_MAX of Linux, in bytes. @see limits.h(0p) */
const MAX_BYTES = 255;

/** @returns undefined for text that is not a single, safe name: see {@link pathSegmentProblem} */
export function parsePathSegment(text: string): PathSegment | undefined {
  return pathSegmentProblem(text) === undefined ? (text as PathSegment) : undefined;
}

/** @returns the reason why the text cannot be a name in a path; undefined when it can */
export function pathSegmentProblem(text: string): string | undefined {
  if (text === '') return 'must not be empty';
  if (text === '.' || text === '..') return `must not be '${text}'`;
  if (text.includes('/')) return "must not contain '/'";
  if (text.includes('\0')) return 'must not contain a NUL';
  if (Buffer.byteLength(text) > MAX_BYTES) return `must be no more than ${MAX_BYTES} bytes`;
  return undefined;
}

/**
 * Marks a name as safe, for names that were already checked when their object came in.
 *
 * @param what the word for it in the error, e.g. `volume name`
 * @throws {RangeError} when the name is not safe after all
 */
export function toPathSegment(text: string, what: string): PathSegment {
  const problem = pathSegmentProblem(text);
  if (problem === undefined) return text as PathSegment;
  throw new RangeError(`${what} ${JSON.stringify(text.slice(0, MAX_BYTES))}: ${problem}`);
}
