import type { KubeError } from '../model/errors.js';

/** As many further tries as Kubernetes' own clients make. */
const MAX_RETRIES = 10;

export interface FailedTry {
  readonly error: KubeError;
  readonly method: string;
  /** Tries before this one. */
  readonly retries: number;
}

/**
 * How long to wait before the same request is sent again; undefined when the caller must hear of
 * the failure. An overloaded or restarting server is obeyed when it says when to come back. When a
 * connection breaks, it may have been kept alive too long: a read is tried once more at once, a
 * write never, since it may have been carried out.
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
