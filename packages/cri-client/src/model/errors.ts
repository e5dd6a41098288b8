import { codedError, errorGuard } from '@nodeagent/base';
import type { GrpcFailure } from '@nodeagent/unix-grpc';

/**
 * Every code has a section in docs/errors.md.
 *
 * Answers of the runtime, by gRPC status: `CRI_NOT_FOUND` 5 · `CRI_ALREADY_EXISTS` 6 ·
 * `CRI_UNAVAILABLE` 14, also when there is no connection · `CRI_DEADLINE` 4, also when our own
 * deadline ran out · `CRI_INVALID_ARGUMENT` 3 · `CRI_UNIMPLEMENTED` 12 · `CRI_FAILED_PRECONDITION`
 * 9 · `CRI_RESOURCE_EXHAUSTED` 8, also a message over 16 MiB · `CRI_PERMISSION_DENIED` 7 and 16 ·
 * `CRI_ABORTED` 10 · `CRI_CANCELLED` 1, cancelled by the runtime: a call cancelled by its signal
 * rejects with the signal's reason instead · `CRI_OUT_OF_RANGE` 11 · `CRI_INTERNAL` 13 and 15 ·
 * `CRI_UNKNOWN` 2 and any status that this version does not know; runtimes use it for most failures
 * of their own.
 *
 * Found by this package: `CRI_BAD_REPLY` a reply without a field that callers rely on ·
 * `CRI_BAD_ENDPOINT` an address that cannot be used · `CRI_UNSUPPORTED_VERSION` the runtime does
 * not speak CRI v1 · `CRI_LOG_FORMAT` a file that is not a container log · `CRI_LOG_IO` a log that
 * cannot be read · `CRI_STREAM` an exec, attach or port-forward session that could not be opened or
 * broke.
 */
export type CriErrorCode =
  | 'CRI_NOT_FOUND'
  | 'CRI_ALREADY_EXISTS'
  | 'CRI_UNAVAILABLE'
  | 'CRI_DEADLINE'
  | 'CRI_INVALID_ARGUMENT'
  | 'CRI_UNIMPLEMENTED'
  | 'CRI_FAILED_PRECONDITION'
  | 'CRI_RESOURCE_EXHAUSTED'
  | 'CRI_PERMISSION_DENIED'
  | 'CRI_ABORTED'
  | 'CRI_CANCELLED'
  | 'CRI_OUT_OF_RANGE'
  | 'CRI_INTERNAL'
  | 'CRI_UNKNOWN'
  | 'CRI_BAD_REPLY'
  | 'CRI_BAD_ENDPOINT'
  | 'CRI_UNSUPPORTED_VERSION'
  | 'CRI_LOG_FORMAT'
  | 'CRI_LOG_IO'
  | 'CRI_STREAM';

/** The call that failed, beside the cause. */
export interface CriErrorOptions extends ErrorOptions {
  /**
   * The operation that failed: a gRPC method without its package, `RuntimeService/ContainerStatus`,
   * or the function and its subject, `readLog /var/log/pods/a/b/0.log`.
   */
  readonly method: string;
}

/** `message` reads `<method>: <detail>`; `detail` is the runtime's own text, unchanged. */
export class CriError extends codedError<CriErrorCode>('CriError') {
  readonly method: string;
  readonly detail: string;

  constructor(code: CriErrorCode, detail: string, { method, ...options }: CriErrorOptions) {
    super(code, `${method}: ${detail}`, options);
    this.method = method;
    this.detail = detail;
  }
}

/** Matches the name and, where any are given, the codes. */
export const isCriError = errorGuard(CriError);

/** Data loss and missing credentials are rare enough to share a code. */
const BY_GRPC_STATUS: Readonly<Record<GrpcFailure['status'], CriErrorCode>> = {
  CANCELLED: 'CRI_CANCELLED',
  UNKNOWN: 'CRI_UNKNOWN',
  INVALID_ARGUMENT: 'CRI_INVALID_ARGUMENT',
  DEADLINE_EXCEEDED: 'CRI_DEADLINE',
  NOT_FOUND: 'CRI_NOT_FOUND',
  ALREADY_EXISTS: 'CRI_ALREADY_EXISTS',
  PERMISSION_DENIED: 'CRI_PERMISSION_DENIED',
  RESOURCE_EXHAUSTED: 'CRI_RESOURCE_EXHAUSTED',
  FAILED_PRECONDITION: 'CRI_FAILED_PRECONDITION',
  ABORTED: 'CRI_ABORTED',
  OUT_OF_RANGE: 'CRI_OUT_OF_RANGE',
  UNIMPLEMENTED: 'CRI_UNIMPLEMENTED',
  INTERNAL: 'CRI_INTERNAL',
  UNAVAILABLE: 'CRI_UNAVAILABLE',
  DATA_LOSS: 'CRI_INTERNAL',
  UNAUTHENTICATED: 'CRI_PERMISSION_DENIED',
};

/** @see https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export function fromGrpcFailure(
  { status, detail }: GrpcFailure,
  method: string,
  options: ErrorOptions,
): CriError {
  return new CriError(BY_GRPC_STATUS[status], detail, { ...options, method });
}
