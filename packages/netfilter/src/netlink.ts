import { createSystemClock } from '@nodeagent/base/system';
import { NetlinkConnection } from '@nodeagent/netlink-codec';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';

import type { NftFamily, NftTableName } from './model/nftables.js';
import { createNftHandle, type NftDesired, type NftTableHandle } from './run/nft-handle.js';
import { NftReader } from './run/nft-reader.js';

export type { NftDesired, NftTableHandle };

const open = () => openNetlinkSocket({ protocol: PROTOCOL.netfilter });

/**
 * Opens one table of the network namespace that this process is in, by netlink. The table need not
 * exist: `sync` makes it.
 *
 * @throws {NetlinkError} `NETLINK_ADDON_MISSING` when the add-on cannot be loaded
 * @example
 * ```typescript
 * import { openNftTable } from '@nodeagent/netfilter/netlink';
 *
 * using table = openNftTable({ family: 'inet', name: 'firewall' });
 * const base = { type: 'filter', hook: 'input', priority: 0 } as const;
 * await table.sync([
 *   { op: 'add-chain', chain: { name: 'in', base } },
 *   {
 *     op: 'add-rule',
 *     chain: 'in',
 *     rule: { steps: [{ kind: 'match', field: 'tcp dport', value: 22 }, { kind: 'accept' }] },
 *   },
 * ]);
 * ```
 */
export function openNftTable(table: NftTableName): NftTableHandle {
  return createNftHandle({ table, clock: createSystemClock(), open });
}

/**
 * Lists the tables of the network namespace that this process is in, whoever made them.
 *
 * @param family only tables of this family
 * @throws {NetfilterError} `NETFILTER_PERMISSION`
 */
export async function listNftTables(family?: NftFamily): Promise<readonly NftTableName[]> {
  const connection = new NetlinkConnection({ socket: open(), clock: createSystemClock() });
  try {
    const found = await new NftReader(connection).tables(new AbortController().signal, family);
    return found.map(({ family: own, name }) => ({ family: own, name }));
  } finally {
    connection.close();
  }
}
