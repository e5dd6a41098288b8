import { parseSave, renderAppend, renderRestore, traceOutcomes } from '@nodeagent/netfilter';

import { isLoopback } from '../../model/address.js';
import { endpointText } from '../../model/endpoint.js';
import { matchingAddresses, nodePortAddresses, nodePortCidrs } from '../../model/node-ports.js';
import { detectLocal } from '../detect-local.js';
import {
  planPortals,
  type Portal,
  PORTAL_JUMPS,
  type PortalSettings,
} from '../userspace/portal-rules.js';
import type { ExplainInput, ModeExplainer, RulePath } from './types.js';

/** First of the made-up ports of the proxy: a running one gets its ports from the kernel. */
const FIRST_PORT = 40_000;

/**
 * The userspace mode with made-up ports. Its rules end at the proxy, which then chooses an
 * endpoint.
 */
export const USERSPACE_EXPLAINER: ModeExplainer = {
  mode: 'userspace',
  render: (input) => textOf(input, portalsOf(input)),
  traits: (input) => {
    const { nodePortIps } = settingsOf(input);
    const { addresses } = input.node;
    return {
      hasNodePorts: (ip) =>
        nodePortIps === 'all' ? isLoopback(ip) || addresses.includes(ip) : nodePortIps.includes(ip),
      carries: (protocol) => protocol !== 'sctp',
      keepsSource: false,
      sharedAddresses: true,
      guardsClusterIps: false,
      firewall: 'among refusals',
      admitsBalancer: false,
      refusesToHost: true,
      refusesOnEveryAddress: true,
      guardsLoopback: false,
      masqueradesToItself: () => true,
    };
  },
  follow: (input, packet) => {
    const portals = portalsOf(input);
    const tables = parseSave([...textOf(input, portals)].join(''));
    const ways = traceOutcomes(tables, packet, { addresses: input.node.addresses });
    return ways.flatMap((way) => proxied(way, portals));
  },
};

/** Continues a path whose rules lead to one of the proxy's ports. */
function proxied(way: RulePath, portals: readonly Portal[]): readonly RulePath[] {
  const port = way.path.map((rule) => / redirect (\d+)$/.exec(rule)?.[1]).find(Boolean);
  if (port === undefined) return [way];
  const [endpoints = []] = portals.flatMap(({ view, clusterPort, localPort }) => {
    if (clusterPort === Number(port)) return [view.cluster];
    return localPort === Number(port) ? [view.local] : [];
  });
  return endpoints.map((endpoint) => ({
    ...way,
    to: endpointText(endpoint),
    masqueraded: true,
    probability: way.probability / endpoints.length,
    path: [...way.path, `the proxy at port ${port} connects to ${endpointText(endpoint)}`],
  }));
}

function settingsOf({ config, family, node }: ExplainInput): PortalSettings {
  const cidrs = nodePortCidrs(config.nodePortAddresses, node.addresses);
  const addresses = nodePortAddresses(family, cidrs);
  return {
    localTraffic: detectLocal(config, node.podCidrs, family),
    nodePortIps: addresses.matchesAll ? 'all' : matchingAddresses(addresses, node.addresses),
  };
}

function portalsOf({ view: { ports } }: ExplainInput): readonly Portal[] {
  let next = FIRST_PORT;
  const portals: Portal[] = [];
  for (const view of ports.values()) {
    if (view.service.protocol === 'SCTP') continue;
    const clusterPort = view.cluster.length > 0 ? next++ : undefined;
    const localPort = view.local.length > 0 ? next++ : undefined;
    portals.push({ view, clusterPort, localPort, ownsNodePort: true });
  }
  return portals;
}

function textOf(input: ExplainInput, portals: readonly Portal[]): Iterable<string> {
  const tables = planPortals(portals, settingsOf(input)).map(({ name, chains, lines }) => {
    const own = PORTAL_JUMPS.filter(({ jump }) => jump.table === name);
    const first = own.filter(({ position }) => position === 'first').toReversed();
    const last = own.filter(({ position }) => position === 'last');
    const hooks = [...first, ...last].map(({ jump }) => `${renderAppend(jump.chain, jump.rule)}\n`);
    return { name, chains, lines: [...hooks, ...lines] };
  });
  return renderRestore(tables);
}
