import { type Clock, isAborted } from '@nodeagent/base';
import {
  isNetlinkError,
  type NetlinkMessage,
  type NetlinkSocket,
  splitMessages,
} from '@nodeagent/netlink-codec';

import { NFNL } from '../codec/nft-attrs.js';
import { ChangeReader } from '../codec/nft-change-read.js';
import type { NftChange } from '../model/nft-changes.js';
import type { NftTableName } from '../model/nftables.js';
import { asNetfilterError } from './nft-errors.js';
import type { NftReader } from './nft-reader.js';

/** A socket that has joined the group of nftables. */
export interface NftMonitorOptions {
  /** A socket of protocol NETLINK_NETFILTER for nothing else; the caller closes it. */
  readonly socket: NetlinkSocket;
  readonly clock: Clock;
  /** Reads the types of sets that were there before. */
  readonly reader: NftReader;
  /** Reports only changes of this table, and the generations; all tables when absent. */
  readonly table?: NftTableName;
  /** Milliseconds between two looks at the socket; 100 when absent. */
  readonly periodMs?: number;
}

const PERIOD_MS = 100;

/**
 * Reports changes of tables as they happen, by this program and others, from the call on. Ends when
 * the signal fires. After `lost` the tables have to be read again; later changes are complete.
 *
 * @throws {NetfilterError} `NETFILTER_PERMISSION`; `NetlinkError` when the socket fails
 */
export function monitorNft(
  options: NftMonitorOptions,
  signal: AbortSignal,
): AsyncIterableIterator<NftChange> {
  // joined at once, so that nothing between the call and the first look is missed
  try {
    options.socket.join(NFNL.group);
  } catch (error) {
    throw asNetfilterError('watch nftables', error);
  }
  return changes(options, signal);
}

async function* changes(
  options: NftMonitorOptions,
  signal: AbortSignal,
): AsyncGenerator<NftChange, void> {
  const { socket, clock, periodMs = PERIOD_MS } = options;
  const reader = new ChangeReader();
  while (!signal.aborted) {
    for (;;) {
      const datagram = receive(socket);
      if (datagram === undefined) break;
      if (datagram === 'lost') {
        // until its buffer has been emptied, the socket drops messages without a word
        while (receive(socket) !== undefined);
        reader.forget();
        yield { kind: 'lost' };
        continue;
      }
      for (const message of datagram) {
        await learnSet(reader, options, message, signal);
        for (const change of reader.read(message)) {
          if (isAborted(signal)) return;
          if (concerns(change, options.table)) yield change;
        }
      }
    }
    if ((await clock.sleep(periodMs, signal)) === 'aborted') return;
  }
}

function receive(socket: NetlinkSocket): readonly NetlinkMessage[] | 'lost' | undefined {
  try {
    const datagram = socket.receive();
    return datagram === undefined ? undefined : [...splitMessages(datagram)];
  } catch (error) {
    if (isNetlinkError(error, 'NETLINK_LOST', 'NETLINK_MALFORMED')) return 'lost';
    throw error;
  }
}

/** Elements cannot be read without their set, which may be older than the monitor. */
async function learnSet(
  reader: ChangeReader,
  { reader: tables }: NftMonitorOptions,
  message: NetlinkMessage,
  signal: AbortSignal,
): Promise<void> {
  const unknown = reader.unknownSet(message);
  if (unknown === undefined) return;
  const sets = await tables.sets(unknown.table, signal);
  const found = sets.find(({ name }) => name === unknown.set);
  if (found === undefined) reader.miss(unknown.table, unknown.set);
  else reader.know(unknown.table, found);
}

function concerns(change: NftChange, table: NftTableName | undefined): boolean {
  if (table === undefined || change.kind === 'generation' || change.kind === 'lost') return true;
  return change.table.family === table.family && change.table.name === table.name;
}
