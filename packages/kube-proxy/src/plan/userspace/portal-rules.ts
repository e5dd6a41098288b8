import {
  type Match,
  type PlacedRule as TableRule,
  renderAppend,
  type RestoreTable,
  type Rule,
  type TableName,
} from '@nodeagent/netfilter';

import { cidrContains } from '../../model/address.js';
import type { LocalTraffic } from '../../model/local-traffic.js';
import { comment, jump, protocolMatch } from '../iptables/dispatch-rules.js';
import { fromLocalTraffic } from '../iptables/settings.js';
import type { PortView } from '../node-view.js';

/** The chains of the historic mode, and one of our own for refusals. */
export const PORTAL_CHAIN = {
  container: 'KUBE-PORTALS-CONTAINER',
  host: 'KUBE-PORTALS-HOST',
  nodePortContainer: 'KUBE-NODEPORT-CONTAINER',
  nodePortHost: 'KUBE-NODEPORT-HOST',
  nodePortNonLocal: 'KUBE-NODEPORT-NON-LOCAL',
  refuse: 'KUBE-PORTALS-REFUSE',
} as const;

/** The ports at which the proxy accepts a Service port's connections. */
export interface Portal {
  readonly view: PortView;
  /** The proxy's port that leads to endpoints anywhere; undefined when none is open. */
  readonly clusterPort: number | undefined;
  /** The proxy's port that leads to endpoints on this node. */
  readonly localPort: number | undefined;
  /** False when another program on this host has the node port. */
  readonly ownsNodePort: boolean;
}

export interface PortalSettings {
  readonly localTraffic: LocalTraffic | undefined;
  /** Addresses on which node ports answer. */
  readonly nodePortIps: 'all' | readonly string[];
}

interface Placed {
  readonly chain: string;
  readonly rule: Rule;
}

const LOCAL_DESTINATION: Match = { kind: 'destination-type', type: 'LOCAL' };
const NEW: Match = { kind: 'connection-state', states: ['NEW'] };
const PORTALS = comment('handle ClusterIPs; NOTE: this must be before the NodePort rules');
const NODE_PORTS = comment(
  'handle service NodePorts; NOTE: this must be the last rule in the chain',
);
const NON_LOCAL = comment('Ensure that non-local NodePort traffic can flow');
const REFUSED = comment('kubernetes services that cannot be served');

function refuseJump(chain: string): TableRule {
  return { table: 'filter', chain, rule: jump(PORTAL_CHAIN.refuse, NEW, REFUSED) };
}

/**
 * Jumps from the kernel's hooks into our chains, and whether each goes first or last. The jump for
 * cluster IPs from outside is made last: when they answer, everything else does.
 */
export const PORTAL_JUMPS: readonly Readonly<{ jump: TableRule; position: 'first' | 'last' }>[] = [
  {
    jump: natJump('PREROUTING', PORTAL_CHAIN.nodePortContainer, LOCAL_DESTINATION, NODE_PORTS),
    position: 'last',
  },
  {
    jump: natJump('OUTPUT', PORTAL_CHAIN.nodePortHost, LOCAL_DESTINATION, NODE_PORTS),
    position: 'last',
  },
  {
    jump: {
      table: 'filter',
      chain: 'INPUT',
      rule: jump(PORTAL_CHAIN.nodePortNonLocal, NON_LOCAL),
    },
    position: 'first',
  },
  ...['INPUT', 'FORWARD', 'OUTPUT'].map((chain) => {
    return { jump: refuseJump(chain), position: 'first' } as const;
  }),
  { jump: natJump('OUTPUT', PORTAL_CHAIN.host, PORTALS), position: 'first' },
  { jump: natJump('PREROUTING', PORTAL_CHAIN.container, PORTALS), position: 'first' },
];

function natJump(chain: string, to: string, ...matches: readonly Match[]): TableRule {
  return { table: 'nat', chain, rule: jump(to, ...matches) };
}

/** Chains that every write creates again. */
export const PORTAL_CHAINS: Readonly<Record<'nat' | 'filter', readonly string[]>> = {
  nat: [
    PORTAL_CHAIN.container,
    PORTAL_CHAIN.host,
    PORTAL_CHAIN.nodePortContainer,
    PORTAL_CHAIN.nodePortHost,
  ],
  filter: [PORTAL_CHAIN.nodePortNonLocal, PORTAL_CHAIN.refuse],
};

/**
 * Plans one restore for all portals: connections to Services are redirected to the proxy's own
 * ports.
 */
export function planPortals(
  portals: Iterable<Portal>,
  settings: PortalSettings,
): readonly RestoreTable[] {
  const lines: Record<'nat' | 'filter', string[]> = { nat: [], filter: [] };
  for (const portal of portals) {
    const rules = portalRules(portal, settings);
    for (const table of ['nat', 'filter'] as const) {
      for (const { chain, rule } of rules[table]) {
        lines[table].push(`${renderAppend(chain, rule)}\n`);
      }
    }
  }
  const table = (name: 'nat' | 'filter'): RestoreTable => {
    return { name: name satisfies TableName, chains: PORTAL_CHAINS[name], lines: lines[name] };
  };
  return [table('filter'), table('nat')];
}

type Chains = Readonly<{ container: string; host: string }>;

const SERVICE_CHAINS: Chains = PORTAL_CHAIN;
const NODE_PORT_CHAINS: Chains = {
  container: PORTAL_CHAIN.nodePortContainer,
  host: PORTAL_CHAIN.nodePortHost,
};

function portalRules(portal: Portal, settings: PortalSettings) {
  const { service, hasAny, hasInternal, hasExternal } = portal.view;
  const nat: Placed[] = [];
  const filter: Placed[] = [];
  const to = (ip: string): Match[] => [
    ...head(portal),
    { kind: 'destination', network: ip },
    { kind: 'destination-port', port: service.port },
  ];
  const refuse = (...matches: Match[]): void => {
    const target = { kind: hasAny ? 'drop' : 'reject' } as const;
    filter.push({ chain: PORTAL_CHAIN.refuse, rule: { matches, target } });
  };

  const internal = service.internalLocal ? portal.localPort : portal.clusterPort;
  if (hasInternal && internal !== undefined) {
    for (const chain of [PORTAL_CHAIN.container, PORTAL_CHAIN.host]) {
      nat.push({ chain, rule: redirect(internal, to(service.clusterIp)) });
    }
  } else refuse(...to(service.clusterIp));

  for (const ip of service.externalIps) {
    nat.push(...externalRules(portal, settings, { chains: SERVICE_CHAINS, matches: to(ip) }));
    if (!hasExternal) refuse(...to(ip));
  }
  for (const ip of service.loadBalancerIps) {
    const sources = service.sourceRanges.length > 0 ? service.sourceRanges : [undefined];
    for (const network of sources) {
      const from: Match[] = network === undefined ? [] : [{ kind: 'source', network }];
      const matches = [...to(ip), ...from];
      nat.push(...externalRules(portal, settings, { chains: SERVICE_CHAINS, matches }));
    }
    if (!hasExternal || service.sourceRanges.length > 0) refuse(...to(ip));
  }
  if (service.nodePort !== 0 && portal.ownsNodePort) {
    const rules = nodePortRules(portal, settings);
    nat.push(...rules.nat);
    if (!hasExternal) {
      const port: Match = { kind: 'destination-port', port: service.nodePort };
      refuse(comment(service.label), LOCAL_DESTINATION, protocolMatch(service), port);
    }
    filter.push(...rules.filter);
  }
  return { nat, filter };
}

function head({ view: { service } }: Portal): Match[] {
  return [comment(service.label), protocolMatch(service)];
}

function redirect(port: number, matches: readonly Match[]): Rule {
  return { matches, target: { kind: 'redirect', port } };
}

/**
 * Local policy: traffic of this node's pods and of the node itself may go anywhere, all other
 * traffic stays on this node.
 */
function externalRules(
  { view, clusterPort, localPort }: Portal,
  { localTraffic }: PortalSettings,
  { chains, matches }: Readonly<{ chains: Chains; matches: readonly Match[] }>,
): Placed[] {
  const { service, hasAny, hasExternal } = view;
  if (!hasAny) return [];
  const rules: Placed[] = [];
  const add = (chain: string, port: number | undefined, ...more: Match[]): void => {
    if (port !== undefined) rules.push({ chain, rule: redirect(port, [...matches, ...more]) });
  };
  if (!service.externalLocal) {
    add(chains.container, clusterPort);
    add(chains.host, clusterPort);
    return rules;
  }
  const fromPods = localTraffic === undefined ? undefined : podsAmong(matches, localTraffic);
  if (fromPods !== undefined && clusterPort !== undefined) {
    rules.push({ chain: chains.container, rule: redirect(clusterPort, fromPods) });
  }
  if (hasExternal) add(chains.container, localPort);
  add(chains.host, clusterPort);
  return rules;
}

/** A rule holds one source: of two networks that overlap, one is inside the other. */
function podsAmong(matches: readonly Match[], traffic: LocalTraffic): Match[] | undefined {
  const pods = fromLocalTraffic(traffic);
  const source = matches.find((match) => match.kind === 'source');
  if (source?.kind !== 'source' || traffic.kind !== 'from-cidr') return [...matches, pods];
  if (networkContains(traffic.cidr, source.network)) return [...matches];
  if (!networkContains(source.network, traffic.cidr)) return undefined;
  return [...matches.filter((match) => match !== source), pods];
}

function networkContains(outer: string, inner: string): boolean {
  const [base = '', bits = '128'] = inner.split('/');
  const [, outerBits = '128'] = outer.split('/');
  return Number(outerBits) <= Number(bits) && cidrContains(outer, base);
}

function nodePortRules(portal: Portal, settings: PortalSettings) {
  const { service } = portal.view;
  const port: Match = { kind: 'destination-port', port: service.nodePort };
  const addresses = settings.nodePortIps === 'all' ? [undefined] : settings.nodePortIps;
  const nat = addresses.flatMap((network) => {
    const on: Match[] = network === undefined ? [] : [{ kind: 'destination', network }];
    const matches = [...head(portal), ...on, port];
    return externalRules(portal, settings, { chains: NODE_PORT_CHAINS, matches });
  });
  const ports = [portal.clusterPort, portal.localPort].filter((one) => one !== undefined);
  const filter = ports.map((own): Placed => {
    const matches: Match[] = [...head(portal), { kind: 'destination-port', port: own }, NEW];
    return { chain: PORTAL_CHAIN.nodePortNonLocal, rule: { matches, target: { kind: 'accept' } } };
  });
  return { nat, filter };
}
