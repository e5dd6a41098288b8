import type { Clock } from '@nodeagent/base';
import { NetlinkNftTable, NftEars } from '@nodeagent/netfilter/nftables';

import { TABLE } from '../../plan/nftables/names.js';
import type { OpenNetlink } from '../../ports.js';

/** Removes one family's table, if it exists. */
export async function deleteNftTable(
  { openNetlink, clock }: Readonly<{ openNetlink: OpenNetlink; clock: Clock }>,
  family: 'ip' | 'ip6',
  signal: AbortSignal,
): Promise<void> {
  const socket = await openNetlink('netfilter');
  const ears = new NftEars(await openNetlink('netfilter'));
  const table = new NetlinkNftTable({ table: { family, name: TABLE }, clock, socket, ears });
  try {
    if ((await table.inventory(signal)) === undefined) return;
    await table.apply([{ op: 'delete-table' }], signal);
  } finally {
    table.close();
    ears.close();
  }
}
