import { KubeError, type KubeErrorCode } from '../model/errors.js';
import type { Status } from '../model/generated/api-types.js';
import { decodeJson } from './decode-json.js';

export interface Refusal {
  /** `GET /api/v1/pods`. */
  readonly asked: string;
  readonly httpStatus: number;
  /** The part of the body that was read. */
  readonly text: string;
  /** Value of the Retry-After header. */
  readonly retryAfter?: string | undefined;
}

/** Returns the error for an answer outside 200–299. */
export function errorFromAnswer(refusal: Refusal): KubeError {
  const { asked, httpStatus, text, retryAfter } = refusal;
  const status = parseStatus(text);
  const detail = status?.message ?? (text.trim() === '' ? 'no details given' : excerpt(text));
  const retryAfterMs = parseRetryAfter(retryAfter) ?? statusRetryMs(status);
  return new KubeError(
    codeOf(httpStatus, status?.reason),
    `${asked}: ${httpStatus} ${detail}`,
    options(httpStatus, status, retryAfterMs),
  );
}

/** Returns the error for a Status object received in place of another object. */
export function errorFromStatus(asked: string, untrusted: Status): KubeError {
  const status = trusted(untrusted);
  const httpStatus = status.code ?? 500;
  return new KubeError(
    codeOf(httpStatus, status.reason),
    `${asked}: ${httpStatus} ${status.message ?? status.reason ?? 'no details given'}`,
    options(httpStatus, status, statusRetryMs(status)),
  );
}

function options(httpStatus: number, status: Status | undefined, retryAfterMs: number | undefined) {
  return {
    httpStatus,
    ...(status === undefined ? {} : { status }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function codeOf(httpStatus: number, reason: string | undefined): KubeErrorCode {
  switch (httpStatus) {
    case 400:
    case 422:
      return 'KUBE_INVALID';
    case 401:
      return 'KUBE_UNAUTHORIZED';
    case 403:
      return 'KUBE_FORBIDDEN';
    case 404:
      return 'KUBE_NOT_FOUND';
    case 409:
      return reason === 'AlreadyExists' ? 'KUBE_ALREADY_EXISTS' : 'KUBE_CONFLICT';
    case 410:
      return 'KUBE_GONE';
    case 429:
      return 'KUBE_TOO_MANY_REQUESTS';
    default:
      return 'KUBE_SERVER';
  }
}

function parseStatus(text: string): Status | undefined {
  try {
    const value = decodeJson(text);
    const isStatus = typeof value === 'object' && value !== null && 'kind' in value;
    return isStatus && value.kind === 'Status' ? trusted(value as Status) : undefined;
  } catch {
    return undefined; // e.g. a proxy's HTML page: the caller shows the text
  }
}

/**
 * Drops members of the wrong type before messages, codes and delays are built from them: a proxy in
 * front of the API server may have answered.
 */
function trusted(status: Status): Status {
  const { message, reason, code, details } = status;
  return {
    ...(status.kind === undefined ? {} : { kind: status.kind }),
    ...(typeof message === 'string' ? { message } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(isHttpStatus(code) ? { code } : {}),
    ...(typeof details === 'object' && !Array.isArray(details) ? { details } : {}),
  };
}

function isHttpStatus(code: unknown): code is number {
  return Number.isInteger(code) && (code as number) >= 100 && (code as number) <= 599;
}

function statusRetryMs(status: Status | undefined): number | undefined {
  const seconds = status?.details?.retryAfterSeconds;
  return typeof seconds === 'number' && seconds > 0 ? delayMs(seconds) : undefined;
}

/** The largest delay that a number can express: 2^53 ms. */
function delayMs(seconds: number): number {
  return Math.min(Math.ceil(seconds * 1000), Number.MAX_SAFE_INTEGER);
}

/** Parses a Retry-After header in seconds; API servers do not send dates. */
function parseRetryAfter(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d+\s*$/.test(text) ? delayMs(Number(text)) : undefined;
}

const EXCERPT = 200;

function excerpt(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ');
  return line.length > EXCERPT ? `${line.slice(0, EXCERPT)}…` : line;
}
