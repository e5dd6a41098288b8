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

/** A program with its arguments; no shell is involved. */
export interface Command {
  readonly argv: readonly [program: string, ...args: string[]];
  /** Input, read only as fast as the program consumes it. */
  readonly stdin?: Iterable<string>;
  /** The program is killed after this time; 5 minutes when absent. */
  readonly timeoutMs?: number;
}

/** The end of a program. A non-zero exit code is a result, not an error. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs programs. This is the only port of the package that touches the machine. */
export interface CommandRunner {
  /**
   * Resolves with any exit code.
   *
   * @throws {NetfilterError} `NETFILTER_COMMAND_MISSING` when the program does not exist,
   * `NETFILTER_COMMAND_FAILED` when it was killed or took too long; the signal's reason on abort
   */
  run(command: Command, signal: AbortSignal): Promise<CommandResult>;
}

/** The end of a chain at which a rule is put. */
export type RulePosition = 'first' | 'last';

/** Identifies a rule by its chain and its content. */
export interface PlacedRule {
  readonly table: TableName;
  readonly chain: string;
  readonly rule: Rule;
}

/**
 * The packet filter tables of one address family. Every call throws `NetfilterError`:
 * `NETFILTER_LOCKED` when other programs hold the tables too long, `NETFILTER_PERMISSION`,
 * `NETFILTER_COMMAND_FAILED`, `NETFILTER_COMMAND_MISSING`.
 */
export interface Iptables {
  readonly family: IpFamily;
  chainExists(table: TableName, chain: string, signal: AbortSignal): Promise<boolean>;
  ensureChain(table: TableName, chain: string, signal: AbortSignal): Promise<'created' | 'existed'>;
  /** Adds the rule unless the chain has an equal one at any position. */
  ensureRule(
    placed: PlacedRule,
    position: RulePosition,
    signal: AbortSignal,
  ): Promise<'added' | 'existed'>;
  deleteRule(placed: PlacedRule, signal: AbortSignal): Promise<'deleted' | 'absent'>;
  /** Fails while rules jump to the chain or the chain has rules. */
  deleteChain(table: TableName, chain: string, signal: AbortSignal): Promise<'deleted' | 'absent'>;
  /** Returns the table as `iptables-save` prints it: for `parseSave` or `chainNames`. */
  save(table: TableName, signal: AbortSignal): Promise<string>;
  /**
   * Writes each table in one step and leaves other chains untouched; a failure leaves the table as
   * it was.
   */
  restore(tables: Iterable<RestoreTable>, signal: AbortSignal): Promise<void>;
}

/**
 * The kernel's connection tracking table for one address family. Every call throws
 * `NetfilterError`: `NETFILTER_PERMISSION` without CAP_NET_ADMIN, `NETFILTER_UNSUPPORTED` when this
 * kernel offers no such table.
 */
export interface Conntrack {
  /** Walks the table once. The list may or may not hold flows that begin or end meanwhile. */
  list(query: FlowQuery, signal: AbortSignal): Promise<readonly Flow[]>;
  /**
   * Forgets these flows and no others. A flow with an `id` does not match a later flow that has
   * taken its place. Flows that are already gone are accepted. The next packet of a forgotten
   * connection counts as new.
   *
   * @returns the number of flows forgotten
   */
  delete(flows: readonly Flow[], signal: AbortSignal): Promise<number>;
  /** Closes the connection to the kernel; the next call opens a new one. */
  close(): void;
}

/**
 * The kernel's address sets. Every call throws `NetfilterError`, `NETFILTER_PERMISSION` among
 * others; a `NetlinkError`, for example `NETLINK_LOST`, when the communication itself fails. When
 * one of many changes in a call is refused, the others are still made; the call throws the first
 * error.
 */
export interface Ipset {
  /**
   * Lists all sets, or the one with this name; empty when there is none. Sets of types unknown to
   * this package are left out.
   */
  list(name: string | undefined, signal: AbortSignal): Promise<readonly IpsetState[]>;
  /**
   * Creates the sets that are missing.
   *
   * @throws {NetfilterError} `NETFILTER_SET_MISMATCH` when a set exists with another type, family
   * or size; `NETFILTER_NAME`
   */
  ensure(specs: readonly IpsetSpec[], signal: AbortSignal): Promise<void>;
  /**
   * Accepts entries that are already there.
   *
   * @throws {NetfilterError} `NETFILTER_SET_ENTRY`, `NETFILTER_SET_FULL`, `NETFILTER_SET_MISSING`
   */
  add(spec: IpsetSpec, entries: readonly IpsetEntry[], signal: AbortSignal): Promise<void>;
  /** Accepts entries that are not there. @throws {NetfilterError} as {@link add} */
  delete(spec: IpsetSpec, entries: readonly IpsetEntry[], signal: AbortSignal): Promise<void>;
  /**
   * Creates the set if necessary and replaces all of its entries in one step, also for rules that
   * use it.
   */
  replace(spec: IpsetSpec, entries: readonly IpsetEntry[], signal: AbortSignal): Promise<void>;
  /** @throws {NetfilterError} `NETFILTER_SET_MISSING` */
  flush(name: string, signal: AbortSignal): Promise<void>;
  /** Accepts sets that are already gone. @throws {NetfilterError} `NETFILTER_SET_IN_USE` */
  destroy(names: readonly string[], signal: AbortSignal): Promise<void>;
  /** Closes the connection to the kernel; the next call opens a new one. */
  close(): void;
}

/** One nftables table. Every call throws `NetfilterError`, `NETFILTER_PERMISSION` among others. */
export interface NftTable {
  readonly table: NftTableName;
  /**
   * True when rules that look into a map with an `index` can be added only together with the map: a
   * table with such rules must be made again for each new one of them.
   */
  readonly mustBeWhole: boolean;
  /**
   * Carries out the operations in order, all or none of them. When they do not fit into one step,
   * steps end at `may-split`; after a failed step no more follow.
   *
   * @throws {NetfilterError} `NETFILTER_REFUSED` names the operation; `NETFILTER_CHANGED`: nothing
   * of this step was done, because another program changed this table since the last read;
   * `NETFILTER_VALUE`
   */
  apply(operations: Iterable<NftOperation>, signal: AbortSignal): Promise<void>;
  /**
   * Lists the contents of the table; undefined when there is no table. Changes that other programs
   * made so far count as seen.
   */
  inventory(signal: AbortSignal): Promise<NftInventory | undefined>;
  /** Lists the elements of a set, which must match the given description. */
  elements(set: NftSet, signal: AbortSignal): Promise<readonly NftElement[]>;
  /** Calls back when another program has changed this table. Resolves after an abort. */
  watch(onChange: () => void, signal: AbortSignal): Promise<void>;
}
