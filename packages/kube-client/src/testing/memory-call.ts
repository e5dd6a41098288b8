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

export type CallMatch = Partial<Omit<MemoryCall, 'body'>>;
