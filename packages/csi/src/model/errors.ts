import { codedError, errorGuard } from '@nodeagent/base';
import type { GrpcFailure } from '@nodeagent/unix-grpc';

/**
 * Every code has a section in docs/errors.md. All but the last are gRPC statuses with CSI's
 * meaning: a driver throws them, and the caller of a client catches the same ones.
 *
 * `CSI_CANCELLED` 1 · `CSI_UNKNOWN` 2 · `CSI_INVALID_ARGUMENT` 3 · `CSI_DEADLINE` 4 ·
 * `CSI_NOT_FOUND` 5 · `CSI_ALREADY_EXISTS` 6 · `CSI_PERMISSION_DENIED` 7 · `CSI_RESOURCE_EXHAUSTED`
 * 8 · `CSI_FAILED_PRECONDITION` 9 · `CSI_ABORTED` 10 · `CSI_OUT_OF_RANGE` 11 · `CSI_UNIMPLEMENTED`
 * 12 · `CSI_INTERNAL` 13 and 15 · `CSI_UNAVAILABLE` 14 · `CSI_UNAUTHENTICATED` 16.
 *
 * `CSI_BAD_DRIVER` comes from this package itself: `createDriver` cannot serve the driver.
 *
 * @see https://github.com/container-storage-interface/spec/blob/v1.9.0/spec.md#error-scheme
 */
export type CsiErrorCode =
  | 'CSI_CANCELLED'
  | 'CSI_UNKNOWN'
  | 'CSI_INVALID_ARGUMENT'
  | 'CSI_DEADLINE'
  | 'CSI_NOT_FOUND'
  | 'CSI_ALREADY_EXISTS'
  | 'CSI_PERMISSION_DENIED'
  | 'CSI_RESOURCE_EXHAUSTED'
  | 'CSI_FAILED_PRECONDITION'
  | 'CSI_ABORTED'
  | 'CSI_OUT_OF_RANGE'
  | 'CSI_UNIMPLEMENTED'
  | 'CSI_INTERNAL'
  | 'CSI_UNAVAILABLE'
  | 'CSI_UNAUTHENTICATED'
  | 'CSI_BAD_DRIVER';

export interface CsiErrorOptions extends ErrorOptions {
  /** On the client's side, the call that failed: `csi.v1.Node/NodePublishVolume`. */
  readonly method?: string;
}

/** A failed call. On the client's side `message` begins with the method; `detail` is the driver's text. */
export class CsiError extends codedError<CsiErrorCode>('CsiError') {
  readonly detail: string;
  readonly method: string | undefined;

  constructor(code: CsiErrorCode, detail: string, { method, ...options }: CsiErrorOptions = {}) {
    super(code, method === undefined ? detail : `${method}: ${detail}`, options);
    this.detail = detail;
    this.method = method;
  }
}

/** Matches the name and, if any are given, the codes. */
export const isCsiError = errorGuard(CsiError);

/**
 * True if the driver may still be working, or did not report the outcome: the volume may or may not
 * be mounted, and the same call must be repeated. After any other error nothing was changed.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/csi_client.go, isFinalError
 */
export function leavesUncertain(error: unknown): boolean {
  if (!isCsiError(error)) return true;
  return UNCERTAIN.has(error.code);
}

const UNCERTAIN: ReadonlySet<CsiErrorCode> = new Set([
  'CSI_CANCELLED',
  'CSI_DEADLINE',
  'CSI_UNAVAILABLE',
  'CSI_RESOURCE_EXHAUSTED',
  'CSI_ABORTED',
]);

const BY_STATUS: Readonly<Record<GrpcFailure['status'], CsiErrorCode>> = {
  CANCELLED: 'CSI_CANCELLED',
  UNKNOWN: 'CSI_UNKNOWN',
  INVALID_ARGUMENT: 'CSI_INVALID_ARGUMENT',
  DEADLINE_EXCEEDED: 'CSI_DEADLINE',
  NOT_FOUND: 'CSI_NOT_FOUND',
  ALREADY_EXISTS: 'CSI_ALREADY_EXISTS',
  PERMISSION_DENIED: 'CSI_PERMISSION_DENIED',
  RESOURCE_EXHAUSTED: 'CSI_RESOURCE_EXHAUSTED',
  FAILED_PRECONDITION: 'CSI_FAILED_PRECONDITION',
  ABORTED: 'CSI_ABORTED',
  OUT_OF_RANGE: 'CSI_OUT_OF_RANGE',
  UNIMPLEMENTED: 'CSI_UNIMPLEMENTED',
  INTERNAL: 'CSI_INTERNAL',
  UNAVAILABLE: 'CSI_UNAVAILABLE',
  DATA_LOSS: 'CSI_INTERNAL',
  UNAUTHENTICATED: 'CSI_UNAUTHENTICATED',
};

const STATUS_OF = new Map(
  Object.entries(BY_STATUS)
    .filter(([status]) => status !== 'DATA_LOSS')
    .map(([status, code]) => [code, status as GrpcFailure['status']]),
);

/** The error that a client's failed call throws. */
export function fromFailure(
  { status, detail }: GrpcFailure,
  method: string,
  options: ErrorOptions = {},
): CsiError {
  return new CsiError(BY_STATUS[status], detail, { ...options, method });
}

/** The answer to a caller when a driver throws; `INTERNAL` with the message for foreign errors. */
export function toFailure(error: unknown): GrpcFailure {
  if (isCsiError(error)) {
    return { status: STATUS_OF.get(error.code) ?? 'INTERNAL', detail: error.detail };
  }
  return { status: 'INTERNAL', detail: error instanceof Error ? error.message : String(error) };
}
