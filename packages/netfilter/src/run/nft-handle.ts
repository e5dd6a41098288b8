import type { Clock } from '@nodeagent/base';
import { NetlinkConnection, type NetlinkSocket } from '@nodeagent/netlink-codec';

import { isNetfilterError } from '../model/errors.js';
import type { NftChange } from '../model/nft-changes.js';
import type { NftOperation, NftTableName } from '../model/nftables.js';
import { diffNftTables } from '../plan/diff-nft.js';
import { nftContentsOf, type NftListedTable, type NftTableContents } from '../plan/nft-contents.js';
import { NftEars } from './nft-ears.js';
import { asNetfilterError } from './nft-errors.js';
import { monitorNft } from './nft-monitor.js';
import { NetlinkNftTable } from './nft-netlink.js';
import { NftReader } from './nft-reader.js';

/** A table's contents, or the operations that make them in an empty table. */
export type NftDesired = NftTableContents | Iterable<NftOperation>;

/** One table in the kernel, which other programs may use as well. Signals are optional. */
export interface NftTableHandle extends Disposable {
  readonly table: NftTableName;
  /**
   * Makes the table what is desired, in one atomic step that changes only what differs: rules that
   * stay keep their counters. Makes the table when there is none.
   *
   * @returns the operations that were carried out; none when nothing differed
   * @throws {NetfilterError} `NETFILTER_REFUSED`, `NETFILTER_VALUE`, `NETFILTER_PERMISSION`;
   *   `NETFILTER_CHANGED` when others keep changing the table
   */
  sync(desired: NftDesired, signal?: AbortSignal): Promise<readonly NftOperation[]>;
  /** Returns the operations that {@link sync} would carry out. */
  plan(desired: NftDesired, signal?: AbortSignal): Promise<readonly NftOperation[]>;
  /** Carries out operations in order, all or none. @throws {NetfilterError} as {@link sync} */
  apply(operations: Iterable<NftOperation>, signal?: AbortSignal): Promise<void>;
  /** Reads the table with everything in it; undefined when there is none. */
  list(signal?: AbortSignal): Promise<NftListedTable | undefined>;
  /** Reports changes of the table from now on, until the signal fires. */
  monitor(signal: AbortSignal): AsyncIterableIterator<NftChange>;
  /** Removes the table with everything in it; does nothing when there is none. */
  delete(signal?: AbortSignal): Promise<void>;
  /** Closes the sockets; the table stays. */
  close(): void;
}

/** A table and the ways to the kernel; three sockets are opened, and one for each monitor. */
export interface NftHandleOptions {
  readonly table: NftTableName;
  readonly clock: Clock;
  /** Opens a socket of protocol NETLINK_NETFILTER. */
  readonly open: () => NetlinkSocket;
}

/** Other programs may change the table between reading and writing: then it is read again. */
const ATTEMPTS = 10;

/**
 * Opens a table by sockets of your own; `openNftTable` of `@nodeagent/netfilter/netlink` opens
 * those of this machine.
 */
export function createNftHandle({ table, clock, open }: NftHandleOptions): NftTableHandle {
  const never = new AbortController().signal;
  const connection = new NetlinkConnection({ socket: open(), clock });
  const ears = listening(open());
  const writer = new NetlinkNftTable({ table, clock, socket: open(), ears });
  const reader = new NftReader(connection);
  const monitors = new Set<NetlinkSocket>();

  const plan = async (desired: NftTableContents, signal: AbortSignal) => {
    // what others changed so far is seen from here on
    await writer.inventory(signal);
    return diffNftTables(desired, await reader.table(table, signal), { family: table.family });
  };
  const again = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (attempt >= ATTEMPTS || !isNetfilterError(error, 'NETFILTER_CHANGED')) throw error;
      }
    }
  };
  const applyAll = (operations: readonly NftOperation[], signal: AbortSignal): Promise<void> =>
    again(async () => {
      await writer.inventory(signal);
      await writer.apply(operations, signal);
    });
  const close = (): void => {
    connection.close();
    writer.close();
    ears.close();
    for (const socket of monitors) socket.close();
    monitors.clear();
  };

  return {
    table,
    sync: (desired, signal = never) => {
      const contents = contentsOf(desired);
      return again(async () => {
        const operations = await plan(contents, signal);
        await writer.apply(operations, signal);
        return operations;
      });
    },
    plan: (desired, signal = never) => plan(contentsOf(desired), signal),
    apply: (operations, signal = never) => applyAll([...operations], signal),
    list: (signal = never) => reader.table(table, signal),
    monitor: (signal) => {
      const socket = open();
      monitors.add(socket);
      const changes = monitorNft({ socket, clock, reader, table }, signal);
      return closing(changes, () => {
        monitors.delete(socket);
        socket.close();
      });
    },
    delete: (signal = never) => applyAll([{ op: 'add-table' }, { op: 'delete-table' }], signal),
    close,
    [Symbol.dispose]: close,
  };
}

/** @throws {NetfilterError} `NETFILTER_PERMISSION` */
function listening(socket: NetlinkSocket): NftEars {
  try {
    return new NftEars(socket);
  } catch (error) {
    throw asNetfilterError('watch nftables', error);
  }
}

async function* closing<T>(items: AsyncIterable<T>, close: () => void): AsyncGenerator<T, void> {
  try {
    yield* items;
  } finally {
    close();
  }
}

function contentsOf(desired: NftDesired): NftTableContents {
  return Symbol.iterator in desired ? nftContentsOf(desired) : desired;
}
