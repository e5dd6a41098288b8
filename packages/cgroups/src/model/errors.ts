import { codedError, errorGuard } from '@nodeagent/base';

/**
 * `CGROUP_NOT_MOUNTED` no hierarchy has a controller that cgroups need here · `CGROUP_UNIT_FAILED`
 * systemd could not start or stop the slice.
 */
export type CgroupErrorCode = 'CGROUP_NOT_MOUNTED' | 'CGROUP_UNIT_FAILED';

export class CgroupError extends codedError<CgroupErrorCode>('CgroupError') {
  /** Names of the controllers in question: `memory`; empty for `CGROUP_UNIT_FAILED`. */
  readonly controllers: readonly string[];

  constructor(code: CgroupErrorCode, message: string, controllers: readonly string[] = []) {
    super(code, message);
    this.controllers = controllers;
  }
}

/** Matches the name and, where any are given, the codes. */
export const isCgroupError = errorGuard(CgroupError);
