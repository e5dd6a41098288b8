import { GRPC_STATUSES } from '@nodeagent/unix-grpc';

import { isCsiError, toFailure } from './errors.js';

/** Go's names of the gRPC codes, by the codes of errors that carry them. */
const GRPC_NAMES: Readonly<Record<string, string>> = {
  CSI_CANCELLED: 'Canceled',
  CSI_UNKNOWN: 'Unknown',
  CSI_INVALID_ARGUMENT: 'InvalidArgument',
  CSI_DEADLINE: 'DeadlineExceeded',
  CSI_NOT_FOUND: 'NotFound',
  CSI_ALREADY_EXISTS: 'AlreadyExists',
  CSI_PERMISSION_DENIED: 'PermissionDenied',
  CSI_RESOURCE_EXHAUSTED: 'ResourceExhausted',
  CSI_FAILED_PRECONDITION: 'FailedPrecondition',
  CSI_ABORTED: 'Aborted',
  CSI_OUT_OF_RANGE: 'OutOfRange',
  CSI_UNIMPLEMENTED: 'Unimplemented',
  CSI_INTERNAL: 'Internal',
  CSI_UNAVAILABLE: 'Unavailable',
  CSI_UNAUTHENTICATED: 'Unauthenticated',
};

/** Go's name of an error's gRPC code: `OK` for no error; `unknown-non-grpc` for a call that never reached the driver. */
export function grpcName(error: unknown): string {
  if (error === undefined) return 'OK';
  const code = isCsiError(error) ? error.code : '';
  return GRPC_NAMES[code] ?? 'unknown-non-grpc';
}

/** The number of a driver's error; undefined for an error that is not a driver's. */
export function grpcNumber(error: unknown): number | undefined {
  return isCsiError(error) ? GRPC_STATUSES.indexOf(toFailure(error).status) : undefined;
}

/** The message for users: for a driver's error, code and text in the form of Go's gRPC. */
export function errorText(error: unknown): string {
  if (isCsiError(error)) return `rpc error: code = ${grpcName(error)} desc = ${error.detail}`;
  return error instanceof Error ? error.message : String(error);
}
