import type { VerificationRules } from '../plan/pull-verification.js';

/** How images are pulled, and whose credentials are asked for. */
export interface PullRules {
  /** Undefined: as many as asked for. 1: one after the other. */
  readonly concurrency: number | undefined;
  /** 0: unlimited. */
  readonly qps: number;
  readonly burst: number;
  /** Whose credentials are asked for; without it every pod may use what is here. */
  readonly verification?: VerificationRules;
}
