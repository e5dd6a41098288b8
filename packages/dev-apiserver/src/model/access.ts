import type { UserInfo } from './request.js';

export interface Decision {
  readonly allowed: boolean;
  readonly why: string;
}

/** An access question in the terms of a SubjectAccessReview. */
export interface AccessQuestion {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** The field selector of a list or a watch; absent in questions that are not about a request. */
  readonly fields?: readonly Readonly<{ path: string; value: string }>[];
}

/** Decides what users may do. */
export interface Decider {
  decide(user: UserInfo, question: AccessQuestion): Decision;
  /** Decides about a path that names no resource, like `/healthz`. */
  decidePath(user: UserInfo, verb: string, path: string): Decision;
}
