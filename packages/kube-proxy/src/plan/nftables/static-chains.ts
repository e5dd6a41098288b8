import type { NftChain, NftHook, NftRule, NftStep } from '@nodeagent/netfilter/nftables';

import type { NodeView } from '../node-view.js';
import { SETS } from './sets.js';
import { fromPods, type NftSettings } from './settings.js';

/** A chain with its rules. */
export interface FilledChain {
  readonly chain: NftChain;
  readonly rules: readonly NftRule[];
}

export const REJECT_CHAIN = 'reject-chain';
export const CLUSTER_IPS_CHECK = 'cluster-ips-check';

const FRONTEND_KEY = ['destination', 'protocol', 'destination-port'] as const;
const NODE_PORT_KEY = ['protocol', 'destination-port'] as const;

/**
 * Plans the chains that exist independently of Services, without those at the kernel's hooks.
 *
 * @see Kubernetes 1.36 pkg/proxy/nftables/proxier.go, setupNFTables
 */
export function planStaticChains(
  settings: NftSettings,
  serviceCidrs: NodeView['serviceCidrs'],
): readonly FilledChain[] {
  const { masqueradeMark: bits } = settings;
  return [
    chain(REJECT_CHAIN, [{ kind: 'reject' }]),
    chain('nodeport-endpoints-check', [
      ...onNodePortAddress(settings),
      { kind: 'verdict-map', key: NODE_PORT_KEY, map: SETS.noEndpointNodePorts.name },
    ]),
    chain('service-endpoints-check', [
      { kind: 'verdict-map', key: FRONTEND_KEY, map: SETS.noEndpointServices.name },
    ]),
    chain('firewall-check', [
      { kind: 'verdict-map', key: FRONTEND_KEY, map: SETS.firewallIps.name },
    ]),
    planClusterIpsCheck(serviceCidrs),
    chain(
      'services',
      ...masqueradeClusterIps(settings),
      [{ kind: 'verdict-map', key: FRONTEND_KEY, map: SETS.serviceIps.name }],
      [
        ...(settings.nodePortIps === 'all' ? [{ kind: 'local-destination' } as const] : []),
        ...onNodePortAddress(settings),
        { kind: 'verdict-map', key: NODE_PORT_KEY, map: SETS.serviceNodePorts.name },
      ],
    ),
    chain(
      'masquerading',
      [{ kind: 'marked', bits }, { kind: 'flip-mark', bits }, { kind: 'masquerade' }],
      [
        { kind: 'translated' },
        {
          kind: 'in-set',
          key: ['source', 'destination', 'protocol', 'destination-port'],
          set: SETS.hairpin.name,
        },
        { kind: 'masquerade' },
      ],
    ),
  ];
}

/** The rules of this chain depend on the cluster's ranges, which may change while it is in use. */
export function planClusterIpsCheck(serviceCidrs: NodeView['serviceCidrs']): FilledChain {
  const unused = serviceCidrs.map((network) => ({
    steps: [{ kind: 'destination', network }, { kind: 'drop' }] as const,
    comment: 'Drop traffic to unallocated ClusterIPs',
  }));
  const wrongPort: NftRule = {
    steps: [
      { kind: 'in-set', key: ['destination'], set: SETS.clusterIps.name },
      { kind: 'reject' },
    ],
    comment: 'Reject traffic to invalid ports of ClusterIPs',
  };
  return { chain: { name: CLUSTER_IPS_CHECK }, rules: [wrongPort, ...unused] };
}

/**
 * Plans the chains at the kernel's hooks. They are made last, so that packets meet all of the rules
 * or none.
 */
export function planBaseChains(): readonly FilledChain[] {
  return [
    base('filter-prerouting-pre-dnat', hook('filter', 'prerouting', -110), ifNew('firewall-check')),
    base('filter-output-pre-dnat', hook('filter', 'output', -110), ifNew('firewall-check')),
    base(
      'filter-input',
      hook('filter', 'input', 0),
      ifNew('nodeport-endpoints-check'),
      ifNew('service-endpoints-check'),
    ),
    base(
      'filter-forward',
      hook('filter', 'forward', 0),
      ifNew('service-endpoints-check'),
      ifNew(CLUSTER_IPS_CHECK),
    ),
    base(
      'filter-output',
      hook('filter', 'output', 0),
      ifNew('service-endpoints-check'),
      ifNew(CLUSTER_IPS_CHECK),
    ),
    base('nat-prerouting', hook('nat', 'prerouting', -100), [jump('services')]),
    base('nat-output', hook('nat', 'output', -100), [jump('services')]),
    base('nat-postrouting', hook('nat', 'postrouting', 100), [jump('masquerading')]),
  ];
}

/**
 * Matches the node's addresses that have node ports. Loopback is never one: answers could not leave
 * it.
 */
function onNodePortAddress({ family, nodePortIps }: NftSettings): readonly NftStep[] {
  if (nodePortIps !== 'all') {
    return [{ kind: 'in-set', key: ['destination'], set: SETS.nodePortIps.name }];
  }
  const network = family === 'IPv4' ? '127.0.0.0/8' : '::1/128';
  return [{ kind: 'destination', network, negated: true }];
}

function masqueradeClusterIps(settings: NftSettings): readonly (readonly NftStep[])[] {
  const { masqueradeAll, localTraffic, masqueradeMark: bits } = settings;
  const toClusterIp: NftStep = { kind: 'in-set', key: ['destination'], set: SETS.clusterIps.name };
  if (masqueradeAll) return [[toClusterIp, { kind: 'set-mark', bits }]];
  if (localTraffic === undefined) return [];
  return [[toClusterIp, fromPods(localTraffic, true), { kind: 'set-mark', bits }]];
}

function chain(name: string, ...rules: readonly (readonly NftStep[])[]): FilledChain {
  return { chain: { name }, rules: rules.map((steps) => ({ steps })) };
}

function base(name: string, at: NftHook, ...rules: readonly (readonly NftStep[])[]): FilledChain {
  return { chain: { name, base: at }, rules: rules.map((steps) => ({ steps })) };
}

function hook(type: NftHook['type'], at: NftHook['hook'], priority: number): NftHook {
  return { type, hook: at, priority };
}

function jump(to: string): NftStep {
  return { kind: 'jump', chain: to };
}

function ifNew(to: string): readonly NftStep[] {
  return [{ kind: 'connection-new' }, jump(to)];
}
