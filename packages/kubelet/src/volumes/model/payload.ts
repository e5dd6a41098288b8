import { normalize } from 'node:path/posix';

/** One file of a volume whose content comes from the API. */
export interface PayloadFile {
  readonly content: Buffer;
  /** Permission bits, such as 0o644. */
  readonly mode: number;
  /** Root if absent. */
  readonly uid?: number;
}

/** Files by relative path, with `/`. */
export type Payload = ReadonlyMap<string, PayloadFile>;

/** All visible names of a volume go through this link; a rename over it changes them all at once. */
export const DATA = '..data';

const MAX_PATH = 4096;
const MAX_NAME = 255;

/**
 * The same files by their shortest paths: `./a//b` is `a/b`. If several mean the same file, the
 * last counts.
 *
 * @see Kubernetes 1.36 pkg/volume/util/atomic_writer.go, validatePayload
 */
export function withCleanPaths(payload: Payload): Payload {
  return new Map([...payload].map(([path, file]) => [normalize(path).replace(/\/$/, ''), file]));
}

/** The first components of its paths, each once: a volume has a link for each. */
export function topNames(payload: Payload): ReadonlySet<string> {
  return new Set([...payload.keys()].map((path) => path.split('/')[0] ?? path));
}

/**
 * @returns the reason why a path cannot be used inside a volume; undefined if it can
 * @see Kubernetes 1.36 pkg/volume/util/atomic_writer.go, validatePath
 */
export function payloadPathProblem(path: string): string | undefined {
  if (path === '') return 'invalid path: must not be empty';
  if (path.startsWith('/')) return `invalid path: must be relative path: ${path}`;
  if (path.length > MAX_PATH) return `invalid path: must be less than or equal to ${MAX_PATH}`;
  const parts = path.split('/');
  if (parts.includes('..')) return `invalid path: must not contain '..': ${path}`;
  if (parts.some((part) => part.length > MAX_NAME)) {
    return `invalid path: filenames must be less than or equal to ${MAX_NAME}`;
  }
  const first = parts.find((part) => part !== '.' && part !== '');
  if (first === undefined) return `invalid path: must name a file: ${path}`;
  if (path.includes('\0')) return `invalid path: must not contain NUL: ${JSON.stringify(path)}`;
  if (first.startsWith('..')) return `invalid path: must not start with '..': ${path}`;
  return undefined;
}
