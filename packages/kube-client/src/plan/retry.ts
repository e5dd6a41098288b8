import type { KubeError } from '../model/errors.js';

/** The number of retries that Kubernetes' own clients make. */
const MAX_RETRIES = 10;

export interface FailedTry {
  readonly error: KubeError;
  readonly method: string;
  /** Number of tries before this one. */
  readonly retries: number;
}

/**
 * Returns the wait before the same request is sent again; undefined when the failure goes to the
 * caller. A delay requested by an overloaded or restarting server is obeyed. A broken connection
 * may simply have been kept alive too long: a read is then retried once, immediately; a write is
 * never retried, because it may have been carried out.
 *
 * @see Kubernetes 1.36 client-go/rest/with_retry.go
 */
export function decideRetryMs({ error, method, retries }: FailedTry): number | undefined {
  if (retries >= MAX_RETRIES) return undefined;
  const { code, retryAfterMs, cause } = error;
  if (code === 'KUBE_TOO_MANY_REQUESTS' || code === 'KUBE_SERVER') return retryAfterMs;
  const broken = code === 'KUBE_UNAVAILABLE' && isReset(cause);
  return broken && method === 'GET' && retries === 0 ? 0 : undefined;
}

function isReset(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'ECONNRESET' || code === 'EPIPE';
}
