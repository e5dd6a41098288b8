import type { NodeTarget } from '../plan/node-path.js';
import type { Watch, WriteLine } from './watch.js';

/** `warnings` are shown to the user by clients such as `kubectl`. */
interface BodyAnswer {
  readonly kind: 'body';
  readonly httpStatus: number;
  readonly body: unknown;
  readonly contentType?: string;
  readonly warnings?: readonly string[];
}

export type ApiAnswer =
  | BodyAnswer
  | Readonly<{ kind: 'bytes'; httpStatus: number; bytes: Uint8Array; contentType: string }>
  /** The node answers instead of this server. */
  | Readonly<{ kind: 'proxy'; target: NodeTarget }>
  | Readonly<{ kind: 'watch'; timeoutMs: number; open: OpenWatch }>;

/** @param end ends the answer: nothing will follow any more */
export type OpenWatch = (write: WriteLine, end: () => void) => Pick<Watch, 'bookmark' | 'stop'>;
