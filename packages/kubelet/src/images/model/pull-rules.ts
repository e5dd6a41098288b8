import type { VerificationRules } from '../plan/pull-verification.js';

/** Rules for pulling images and for checking credentials of images already present. */
export interface PullRules {
  /** Undefined: no limit. 1: one pull at a time. */
  readonly concurrency: number | undefined;
  /** 0: unlimited. */
  readonly qps: number;
  readonly burst: number;
  /** Without it, every pod may use every image that is present. */
  readonly verification?: VerificationRules;
}
