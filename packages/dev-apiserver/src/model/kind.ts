/** One row: everything about a kind that is data. Behaviour beyond it is a strategy (plan/). */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** Name in the generated type table. */
  readonly type: string;
  /** Where its objects are kept; two kinds with one storage are views of the same objects. */
  readonly storage: string;
  /** `metadata.generation` counts changes of the spec. */
  readonly generation: boolean;
  /** Has a status subresource: the main resource cannot write status, and the reverse. */
  readonly status: boolean;
  readonly scale: boolean;
  /** Subresources beside status and scale, with the kind that they take. */
  readonly subresources: Readonly<Record<string, SubresourceKind>>;
  /** Paths that field selectors may use beside metadata.name and metadata.namespace. */
  readonly selectable: readonly string[];
  /** `false`: only answers to POST, nothing is stored (reviews). */
  readonly stored: boolean;
}

export interface SubresourceKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}
