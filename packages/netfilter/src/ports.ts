import type { Flow, FlowQuery } from './model/conntrack.js';
import type { IpsetEntry, IpsetSpec, IpsetState } from './model/ipset.js';
import type { IpFamily, Rule, TableName } from './model/iptables.js';
import type {
  NftElement,
  NftInventory,
  NftOperation,
  NftSet,
  NftTableName,
} from './model/nftables.js';
import type { RestoreTable } from './render/iptables-restore.js';

export interface Command {
  readonly argv: readonly [program: string, ...args: string[]];
  /** Written as it is asked for, no faster than the program reads. */
  readonly stdin?: Iterable<string>;
  /** The program is killed after this time; 5 minutes when absent. */
  readonly timeoutMs?: number;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs programs: the one thing under this package that touches the machine. */
export interface CommandRunner {
  /**
   * Resolves with any exit code.
   *
   * @throws {NetfilterError} `NETFILTER_COMMAND_MISSING` when there is no such program,
   *   `NETFILTER_COMMAND_FAILED` when it was killed or took too long; the signal's reason on abort
   */
  run(command: Command, signal: AbortSignal): Promise<CommandResult>;
}

export type RulePosition = 'first' | 'last';

/** Names a rule by where it is and what it says. */
export interface PlacedRule {
  readonly table: TableName;
  readonly chain: string;
  readonly rule: Rule;
}

/**
 * The packet filter tables of one address family. Every call throws {@link NetfilterError}:
 * `NETFILTER_LOCKED` when others hold the tables too long, `NETFILTER_PERMISSION`,
 * `NETFILTER_COMMAND_FAILED`, `NETFILTER_COMMAND_MISSING`.
 */
export interface Iptables {
  readonly family: IpFamily;
  chainExists(table: TableName, chain: string, signal: AbortSignal): Promise<boolean>;
  ensureChain(table: TableName, chain: string, signal: AbortSignal): Promise<'created' | 'existed'>;
  /** Adds the rule unless an equal one is in the chain, wherever in it. */
  ensureRule(
    placed: PlacedRule,
    position: RulePosition,
    signal: AbortSignal,
  ): Promise<'added' | 'existed'>;
  deleteRule(placed: PlacedRule, signal: AbortSignal): Promise<'deleted' | 'absent'>;
  /** Fails while rules jump to the chain or are in it. */
  deleteChain(table: TableName, chain: string, signal: AbortSignal): Promise<'deleted' | 'absent'>;
  /** The table as `iptables-save` prints it: for `parseSave` or `chainNames`. */
  save(table: TableName, signal: AbortSignal): Promise<string>;
  /** Writes each table in one step, others' chains untouched; a failure leaves the table as it was. */
  restore(tables: Iterable<RestoreTable>, signal: AbortSignal): Promise<void>;
}

/**
 * The kernel's connection tracking table, one address family. Every call throws
 * {@link NetfilterError}: `NETFILTER_PERMISSION` without CAP_NET_ADMIN, `NETFILTER_UNSUPPORTED` when
 * this kernel has no such table to show.
 */
export interface Conntrack {
  /** Walks the table once. Flows that begin or end meanwhile may be in the list or not. */
  list(query: FlowQuery, signal: AbortSignal): Promise<readonly Flow[]>;
  /**
   * Forgets these flows and no others: with an `id` also not those that have taken their
   * place since. Those that are gone already are fine. What comes next on such a connection is treated as new.
   *
   * @returns how many there were
   */
  delete(flows: readonly Flow[], signal: AbortSignal): Promise<number>;
  /** Ends the connection to the kernel; the next call makes a new one. */
  close(): void;
}

/**
 * The kernel's address sets. Every call throws {@link NetfilterError}, `NETFILTER_PERMISSION` among
 * others; where the talk itself fails, a `NetlinkError`: `NETLINK_LOST`, say. Of many changes in one call a refused one does not keep the others from being made; the
 * error is that of the first.
 */
export interface Ipset {
  /**
   * All sets, or that of one name; none when there is no such set. Those of types that this package
   * does not know are left out.
   */
  list(name: string | undefined, signal: AbortSignal): Promise<readonly IpsetState[]>;
  /**
   * Makes the sets that are missing.
   *
   * @throws {NetfilterError} `NETFILTER_SET_MISMATCH` when one is there with another type, family or
   *   size; `NETFILTER_NAME`
   */
  ensure(specs: readonly IpsetSpec[], signal: AbortSignal): Promise<void>;
  /**
   * Entries that are there already are fine.
   *
   * @throws {NetfilterError} `NETFILTER_SET_ENTRY`, `NETFILTER_SET_FULL`, `NETFILTER_SET_MISSING`
   */
  add(spec: IpsetSpec, entries: readonly IpsetEntry[], signal: AbortSignal): Promise<void>;
  /** Entries that are not there are fine. @throws {NetfilterError} as {@link add} */
  delete(spec: IpsetSpec, entries: readonly IpsetEntry[], signal: AbortSignal): Promise<void>;
  /** Makes the set if need be and changes all of its entries in one step, for rules that use it. */
  replace(spec: IpsetSpec, entries: readonly IpsetEntry[], signal: AbortSignal): Promise<void>;
  /** @throws {NetfilterError} `NETFILTER_SET_MISSING` */
  flush(name: string, signal: AbortSignal): Promise<void>;
  /** Sets that are gone already are fine. @throws {NetfilterError} `NETFILTER_SET_IN_USE` */
  destroy(names: readonly string[], signal: AbortSignal): Promise<void>;
  /** Ends the connection to the kernel; the next call makes a new one. */
  close(): void;
}

/** One nftables table. Every call throws {@link NetfilterError}, `NETFILTER_PERMISSION` among others. */
export interface NftTable {
  readonly table: NftTableName;
  /**
   * Rules that look into a map with an `index` are taken only together with the map: a table with
   * such rules must be made anew whenever it gets one more of them.
   */
  readonly mustBeWhole: boolean;
  /**
   * Carries out the operations in order. All or none of them, unless they are more than fit into one
   * step: then steps end at `may-split`, and the first that fails is the last.
   *
   * @throws {NetfilterError} `NETFILTER_REFUSED` names the operation; `NETFILTER_CHANGED`: nothing of
   *   this step was done, because someone else changed this table since it was last looked at;
   *   `NETFILTER_VALUE`
   */
  apply(operations: Iterable<NftOperation>, signal: AbortSignal): Promise<void>;
  /** What is in the table; undefined when there is none. What others did until now is known then. */
  inventory(signal: AbortSignal): Promise<NftInventory | undefined>;
  /** The elements of a set, which must be as it is described. */
  elements(set: NftSet, signal: AbortSignal): Promise<readonly NftElement[]>;
  /** Calls back when someone else has changed this table. Resolves after an abort. */
  watch(onChange: () => void, signal: AbortSignal): Promise<void>;
}
