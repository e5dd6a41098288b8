import type {
  NftChain,
  NftElement,
  NftFlowtable,
  NftListedRule,
  NftObject,
  NftSet,
  NftTableName,
} from './nftables.js';

type Change<K extends string, T> = Readonly<{
  kind: K;
  /** A changed chain, set or object is `new` once more. */
  change: 'new' | 'deleted';
  table: NftTableName;
}> &
  Readonly<T>;

/** One thing that was made or removed, by this program or another. */
export type NftObjectChange =
  | Change<'table', { handle: number }>
  | Change<'chain', { chain: NftChain; handle: number }>
  | Change<'rule', { chain: string; rule: NftListedRule }>
  | Change<'set', { set: NftSet; handle: number }>
  | Change<'object', { object: NftObject }>
  | Change<'flowtable', { flowtable: NftFlowtable }>;

/** A change that the kernel announced, whichever program made it. */
export type NftChange =
  | NftObjectChange
  /** `elements` is absent when the set is gone already and its types are not known. */
  | Change<'elements', { set: string; elements?: readonly NftElement[] }>
  /** Ends one atomic step: all changes since the generation before belong to it. */
  | Readonly<{ kind: 'generation'; id: number; processId: number; processName: string }>
  /** Changes were missed, because they came faster than they were read: list the tables again. */
  | Readonly<{ kind: 'lost' }>;
