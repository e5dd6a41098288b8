/**
 * `NODE_ALLOCATABLE_INVALID` more is reserved than the machine has · `NODE_FACT_UNREADABLE` a
 * required file of /proc or /sys is missing or malformed.
 */
export type NodeStatusErrorCode = 'NODE_ALLOCATABLE_INVALID' | 'NODE_FACT_UNREADABLE';

export class NodeStatusError extends Error {
  override readonly name = 'NodeStatusError';
  readonly code: NodeStatusErrorCode;

  constructor(code: NodeStatusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Matches name and code, not `instanceof`: two copies of this package may be installed. */
export function isNodeStatusError(
  value: unknown,
  ...codes: readonly NodeStatusErrorCode[]
): value is NodeStatusError {
  if (!(value instanceof Error) || value.name !== 'NodeStatusError') return false;
  return codes.length === 0 || codes.includes((value as NodeStatusError).code);
}
