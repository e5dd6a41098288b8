/** `CGROUP_NOT_MOUNTED` no hierarchy has a controller that cgroups need here. */
export type CgroupErrorCode = 'CGROUP_NOT_MOUNTED';

export class CgroupError extends Error {
  override readonly name = 'CgroupError';
  readonly code: CgroupErrorCode;
  /** Names of the controllers in question: `memory`. */
  readonly controllers: readonly string[];

  constructor(code: CgroupErrorCode, message: string, controllers: readonly string[]) {
    super(message);
    this.code = code;
    this.controllers = controllers;
  }
}

/** Matches name and code, not `instanceof`: two copies of this package may be installed. */
export function isCgroupError(
  value: unknown,
  ...codes: readonly CgroupErrorCode[]
): value is CgroupError {
  if (!(value instanceof Error) || value.name !== 'CgroupError') return false;
  return codes.length === 0 || codes.includes((value as CgroupError).code);
}
