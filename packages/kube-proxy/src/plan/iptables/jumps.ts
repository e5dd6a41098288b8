import type { Match, PlacedRule, TableName } from '@nodeagent/netfilter';

import { comment, jump } from './dispatch-rules.js';
import { CHAIN } from './names.js';

const NEW: Match = { kind: 'connection-state', states: ['NEW'] };

type Row = readonly [table: TableName, from: string, to: string, ...matches: Match[]];

const PORTALS = comment('kubernetes service portals');
const VISIBLE = comment('kubernetes externally-visible service portals');
const FIREWALL = comment('kubernetes load balancer firewall');

const ROWS: readonly Row[] = [
  ['filter', 'INPUT', CHAIN.externalServices, NEW, VISIBLE],
  ['filter', 'FORWARD', CHAIN.externalServices, NEW, VISIBLE],
  ['filter', 'INPUT', CHAIN.nodePorts, comment('kubernetes health check service ports')],
  ['filter', 'FORWARD', CHAIN.services, NEW, PORTALS],
  ['filter', 'OUTPUT', CHAIN.services, NEW, PORTALS],
  ['filter', 'FORWARD', CHAIN.forward, comment('kubernetes forwarding rules')],
  ['filter', 'INPUT', CHAIN.proxyFirewall, NEW, FIREWALL],
  ['filter', 'OUTPUT', CHAIN.proxyFirewall, NEW, FIREWALL],
  ['filter', 'FORWARD', CHAIN.proxyFirewall, NEW, FIREWALL],
  ['nat', 'POSTROUTING', CHAIN.postrouting, comment('kubernetes postrouting rules')],
  ['nat', 'OUTPUT', CHAIN.services, PORTALS],
  ['nat', 'PREROUTING', CHAIN.services, PORTALS],
];

/**
 * The same two rules as the kubelet's: the first of the two programs creates them, and neither
 * removes them.
 */
const SHARED_ROWS: readonly Row[] = [
  ['filter', 'INPUT', CHAIN.firewall],
  ['filter', 'OUTPUT', CHAIN.firewall],
];

function placed([table, chain, to, ...matches]: Row): PlacedRule {
  return { table, chain, rule: jump(to, ...matches) };
}

const isNat = ([table]: Row): boolean => table === 'nat';

/**
 * Jumps from the kernel's hooks into our chains, in the order in which they are inserted. Jumps to
 * chains that redirect packets come last: when a packet takes the first of them, everything it may
 * need is in place.
 */
export const JUMPS: readonly PlacedRule[] = [
  ...ROWS.filter((row) => !isNat(row)),
  ...SHARED_ROWS,
  ...ROWS.filter(isNat),
].map(placed);

/** Jumps that a clean-up removes. */
export const OWN_JUMPS: readonly PlacedRule[] = ROWS.map(placed);

/** Chains that a clean-up empties and removes, in addition to those of single Service ports. */
export const OWN_CHAINS: Readonly<Record<'nat' | 'filter', readonly string[]>> = {
  nat: [CHAIN.services, CHAIN.nodePorts, CHAIN.postrouting, CHAIN.markMasquerade, CHAIN.canary],
  filter: [
    CHAIN.services,
    CHAIN.externalServices,
    CHAIN.forward,
    CHAIN.nodePorts,
    CHAIN.proxyFirewall,
    CHAIN.canary,
  ],
};
