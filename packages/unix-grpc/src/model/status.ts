/**
 * gRPC status codes by number; 0 is `OK`.
 *
 * @see https://grpc.github.io/grpc/core/md_doc_statuscodes.html
 */
export const GRPC_STATUSES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** A gRPC status by its name, `NOT_FOUND`; the wire has numbers. */
export type GrpcStatus = (typeof GRPC_STATUSES)[number];

/** The name of a status; `UNKNOWN` for numbers without a meaning. */
export function grpcStatus(code: number): GrpcStatus {
  return GRPC_STATUSES[code] ?? 'UNKNOWN';
}

/** A failed call, as both ends see it. */
export interface GrpcFailure {
  readonly status: Exclude<GrpcStatus, 'OK'>;
  /** The server's text, unchanged; the client's own text if there was no response. */
  readonly detail: string;
}
