import type { Review } from './review.js';
import type { FieldRequirement, LabelRequirement } from './selectors.js';

/** The caller of a request, after authentication. */
export interface UserInfo {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The user and the options of a write. */
export interface WriteContext {
  readonly user: UserInfo;
  readonly dryRun: boolean;
  readonly fieldManager: string;
  /** For server-side apply only. */
  readonly force: boolean;
  /** Present when webhooks see this write. */
  readonly review?: Review;
}

export interface ObjectTarget {
  /** Empty for cluster-wide kinds. */
  readonly namespace: string;
  readonly name: string;
}

export interface Selection {
  /** Empty for all namespaces. */
  readonly namespace: string;
  readonly labels: readonly LabelRequirement[];
  readonly fields: readonly FieldRequirement[];
}

export interface ListQuery extends Selection {
  /** 0 for no paging. */
  readonly limit: number;
  readonly continueToken: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
}
