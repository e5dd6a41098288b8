import { isNetfilterError, NetfilterError } from '../model/errors.js';
import type { NftOperation, NftSet } from '../model/nftables.js';
import type { NftTable } from '../ports.js';

/**
 * Finds out whether the kernel supports everything that this package may ask for. Creates one
 * object of every kind in a table of its own and removes the table in the same step, so no other
 * program ever sees it.
 *
 * @param table a handle on a table that does not exist
 * @throws {NetfilterError} `NETFILTER_UNSUPPORTED` names the operation that the kernel refused;
 * `NETFILTER_PERMISSION`
 */
export async function probeNft(table: NftTable, signal: AbortSignal): Promise<void> {
  try {
    await table.apply(oneOfEverything(table.table.family === 'ip6' ? 'ip6' : 'ip'), signal);
  } catch (error) {
    if (!isNetfilterError(error, 'NETFILTER_REFUSED')) throw error;
    const message =
      `nftables: ${error.message}: this kernel lacks required features ` +
      '(Linux 5.13 with nf_tables, nft_numgen, nft_fib, nft_nat, nft_masq, nft_reject)';
    throw new NetfilterError('NETFILTER_UNSUPPORTED', message, { cause: error });
  }
}

const VERDICTS: NftSet = { name: 'v', key: ['address', 'protocol', 'port'], data: 'verdict' };
const ENDPOINTS: NftSet = {
  name: 'e',
  key: ['address', 'protocol', 'port', 'index'],
  data: ['address', 'port'],
};
const SOURCES: NftSet = { name: 's', key: ['address'], timeoutMs: 1000 };

function oneOfEverything(family: 'ip' | 'ip6'): readonly NftOperation[] {
  const address = family === 'ip' ? '192.0.2.1' : '2001:db8::1';
  const key = ['destination', 'protocol', 'destination-port'] as const;
  const rule = (chain: string, ...steps: (NftOperation & { op: 'add-rule' })['rule']['steps']) =>
    ({ op: 'add-rule', chain, rule: { steps } }) as const;
  return [
    { op: 'add-table' },
    ...[VERDICTS, ENDPOINTS, SOURCES].map((set) => ({ op: 'add-set', set }) as const),
    { op: 'add-chain', chain: { name: 'refuse' } },
    rule('refuse', { kind: 'reject' }),
    { op: 'add-chain', chain: { name: 'nat' } },
    rule('nat', { kind: 'local-destination' }, { kind: 'set-mark', bits: 1 }),
    rule('nat', { kind: 'verdict-map', key, map: 'v' }),
    rule('nat', { kind: 'remember-source', set: 's' }),
    rule('nat', { kind: 'dnat-map', key: [...key, { random: 2 }], map: 'e' }),
    { op: 'add-chain', chain: { name: 'out' } },
    rule('out', { kind: 'translated' }, { kind: 'marked', bits: 1 }, { kind: 'masquerade' }),
    {
      op: 'add-chain',
      chain: { name: 'in', base: { type: 'nat', hook: 'prerouting', priority: -100 } },
    },
    rule('in', { kind: 'connection-new' }, { kind: 'jump', chain: 'nat' }),
    {
      op: 'add-chain',
      chain: { name: 'post', base: { type: 'nat', hook: 'postrouting', priority: 100 } },
    },
    rule('post', { kind: 'jump', chain: 'out' }),
    {
      op: 'add-elements',
      set: ENDPOINTS,
      elements: [{ key: [address, 'tcp', 80, 0], data: [address, 80] }],
    },
    {
      op: 'add-elements',
      set: VERDICTS,
      elements: [{ key: [address, 'tcp', 80], data: { kind: 'goto', chain: 'refuse' } }],
    },
    { op: 'delete-table' },
  ];
}
