import type { CustomKind } from './custom-kind.js';

/** All data about a kind, in one row. Behaviour beyond it is in a strategy (plan/). */
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
  /** Name of the storage; two kinds with one storage are views of the same objects. */
  readonly storage: string;
  /** `metadata.generation` counts changes of the spec. */
  readonly generation: boolean;
  /**
   * Has a status subresource: writes to the main resource leave the status alone, and the reverse.
   */
  readonly status: boolean;
  readonly scale: boolean;
  /** Subresources other than status and scale, with the kind that they take. */
  readonly subresources: Readonly<Record<string, SubresourceKind>>;
  /** Paths that field selectors may use in addition to metadata.name and metadata.namespace. */
  readonly selectable: readonly string[];
  /** `false`: the kind only answers POST (reviews), and nothing is stored. */
  readonly stored: boolean;
  /** Present for kinds of CustomResourceDefinitions. */
  readonly custom?: CustomKind;
}

export interface SubresourceKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}
