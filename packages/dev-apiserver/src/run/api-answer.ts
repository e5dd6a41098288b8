import type { NodeTarget } from '../plan/node-path.js';
import type { Watch, WriteLine } from './watch.js';

export type ApiAnswer =
  | Readonly<{ kind: 'body'; httpStatus: number; body: unknown; contentType?: string }>
  | Readonly<{ kind: 'bytes'; httpStatus: number; bytes: Uint8Array; contentType: string }>
  /** The node answers instead of this server. */
  | Readonly<{ kind: 'proxy'; target: NodeTarget }>
  | Readonly<{ kind: 'watch'; timeoutMs: number; open: (write: WriteLine) => Watch }>;
