export interface Decision {
  readonly allowed: boolean;
  readonly why: string;
}

/** The question as a SubjectAccessReview puts it. */
export interface AccessQuestion {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** What a list or a watch is limited to; absent in questions that are not of a request. */
  readonly fields?: readonly Readonly<{ path: string; value: string }>[];
}
