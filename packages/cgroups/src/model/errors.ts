import { codedError, errorGuard } from '@nodeagent/base';

/** `CGROUP_NOT_MOUNTED` no hierarchy has a controller that cgroups need here. */
export type CgroupErrorCode = 'CGROUP_NOT_MOUNTED';

export class CgroupError extends codedError<CgroupErrorCode>('CgroupError') {
  /** Names of the controllers in question: `memory`. */
  readonly controllers: readonly string[];

  constructor(code: CgroupErrorCode, message: string, controllers: readonly string[]) {
    super(code, message);
    this.controllers = controllers;
  }
}

/** Matches the name and, where any are given, the codes. */
export const isCgroupError = errorGuard(CgroupError);
