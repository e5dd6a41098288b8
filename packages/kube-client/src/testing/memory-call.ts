/** A method of `KubeClient`. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'replace' | 'patch' | 'delete';

/** One call, in order. */
export interface MemoryCall {
  readonly verb: Verb;
  readonly plural: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  /** The object, patch or options that were sent. */
  readonly body?: unknown;
}

/** Matches calls that have all of these values; `{}` matches every call. */
export type CallMatch = Partial<Omit<MemoryCall, 'body'>>;
