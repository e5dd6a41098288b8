import { renderAppend, renderRestore, type RestoreTable } from '@nodeagent/netfilter';

import { isLoopback } from '../../model/address.js';
import { matchingAddresses, nodePortAddresses, nodePortCidrs } from '../../model/node-ports.js';
import { detectLocal } from '../detect-local.js';
import {
  planPortals,
  type Portal,
  PORTAL_JUMPS,
  type PortalSettings,
} from '../userspace/portal-rules.js';
import type { ExplainInput, ModeExplainer } from './types.js';

/** Where made-up ports of the proxy begin: a running one takes what the kernel gives it. */
const FIRST_PORT = 40_000;

/** The userspace mode with made-up ports of its own. Its rules end at the proxy; the rest is trace. */
export const USERSPACE_EXPLAINER: ModeExplainer = {
  mode: 'userspace',
  render: (input) => renderRestore(tablesOf(input)),
  traits: (input) => {
    const { nodePortIps } = settingsOf(input);
    const { addresses } = input.node;
    return {
      hasNodePorts: (ip) =>
        nodePortIps === 'all' ? isLoopback(ip) || addresses.includes(ip) : nodePortIps.includes(ip),
      otherPorts: 'passed',
      carries: (protocol) => protocol !== 'sctp',
      keepsSource: false,
    };
  },
};

function settingsOf({ config, family, node }: ExplainInput): PortalSettings {
  const cidrs = nodePortCidrs(config.nodePortAddresses, node.addresses);
  const addresses = nodePortAddresses(family, cidrs);
  return {
    localTraffic: detectLocal(config, node.podCidrs, family),
    nodePortIps: addresses.matchesAll ? 'all' : matchingAddresses(addresses, node.addresses),
  };
}

function tablesOf(input: ExplainInput): readonly RestoreTable[] {
  let next = FIRST_PORT;
  const portals: Portal[] = [];
  for (const view of input.view.ports.values()) {
    if (view.service.protocol === 'SCTP') continue;
    const clusterPort = view.cluster.length > 0 ? next++ : undefined;
    const localPort = view.local.length > 0 ? next++ : undefined;
    portals.push({ view, clusterPort, localPort, ownsNodePort: true });
  }
  return planPortals(portals, settingsOf(input)).map(({ name, chains, lines }) => {
    const own = PORTAL_JUMPS.filter(({ jump }) => jump.table === name);
    const first = own.filter(({ position }) => position === 'first').toReversed();
    const last = own.filter(({ position }) => position === 'last');
    const hooks = [...first, ...last].map(({ jump }) => `${renderAppend(jump.chain, jump.rule)}\n`);
    return { name, chains, lines: [...hooks, ...lines] };
  });
}
