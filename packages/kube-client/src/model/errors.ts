import { codedError, errorGuard } from '@nodeagent/base';

import type { Status } from './generated/api-types.js';

/**
 * `KUBE_NOT_FOUND` 404 · `KUBE_ALREADY_EXISTS` 409 with that reason · `KUBE_CONFLICT` other 409 ·
 * `KUBE_GONE` 410, a resourceVersion or continue token too old · `KUBE_INVALID` 400 and 422 ·
 * `KUBE_UNAUTHORIZED` 401 · `KUBE_FORBIDDEN` 403 · `KUBE_TOO_MANY_REQUESTS` 429 · `KUBE_SERVER`
 * other 4xx and 5xx · `KUBE_UNAVAILABLE` no answer: refused, reset, timed out, TLS ·
 * `KUBE_PROTOCOL` an answer that violates the API · `KUBE_CONFIG` kubeconfig or credentials cannot
 * be used.
 */
export type KubeErrorCode =
  | 'KUBE_NOT_FOUND'
  | 'KUBE_ALREADY_EXISTS'
  | 'KUBE_CONFLICT'
  | 'KUBE_GONE'
  | 'KUBE_INVALID'
  | 'KUBE_UNAUTHORIZED'
  | 'KUBE_FORBIDDEN'
  | 'KUBE_TOO_MANY_REQUESTS'
  | 'KUBE_SERVER'
  | 'KUBE_UNAVAILABLE'
  | 'KUBE_PROTOCOL'
  | 'KUBE_CONFIG';

/** The server's answer, beside the cause. */
export interface KubeErrorOptions extends ErrorOptions {
  /** HTTP status of the answer; absent when there was none. */
  readonly httpStatus?: number;
  /** The API's Status object, if the server sent one. */
  readonly status?: Status;
  /** Taken from a Retry-After header. */
  readonly retryAfterMs?: number;
}

export class KubeError extends codedError<KubeErrorCode>('KubeError') {
  readonly httpStatus: number | undefined;
  readonly status: Status | undefined;
  readonly retryAfterMs: number | undefined;

  /** @param message the request and the problem: `GET /api/v1/pods: connection refused` */
  constructor(code: KubeErrorCode, message: string, options: KubeErrorOptions = {}) {
    super(code, message, options);
    this.httpStatus = options.httpStatus;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Matches the name and, where any are given, the codes. */
export const isKubeError = errorGuard(KubeError);
