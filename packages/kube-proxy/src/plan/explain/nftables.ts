import { nftContentsOf, renderNftScript, traceNftOutcomes } from '@nodeagent/netfilter/nftables';

import { isLoopback } from '../../model/address.js';
import { has, LOCAL } from '../../model/endpoint.js';
import { matchingAddresses, nodePortAddresses, nodePortCidrs } from '../../model/node-ports.js';
import { detectLocal } from '../detect-local.js';
import { TABLE } from '../nftables/names.js';
import { nftFamily, type NftSettings } from '../nftables/settings.js';
import { planWholeTable } from '../nftables/whole-table.js';
import type { ExplainInput, ModeExplainer } from './types.js';

/** The nftables mode, as commands for `nft -f`. */
export const NFTABLES_EXPLAINER: ModeExplainer = {
  mode: 'nftables',
  render: (input) => {
    const table = { family: nftFamily(input.family), name: TABLE };
    return renderNftScript(table, planWholeTable(input.view, settingsOf(input)));
  },
  traits: (input) => {
    const { nodePortIps } = settingsOf(input);
    const { addresses } = input.node;
    const own = nodePortIps === 'all' ? addresses : nodePortIps;
    return {
      hasNodePorts: (ip) => !isLoopback(ip) && own.includes(ip),
      carries: () => true,
      keepsSource: true,
      sharedAddresses: false,
      guardsClusterIps: true,
      firewall: 'first',
      admitsBalancer: true,
      refusesToHost: true,
      refusesOnEveryAddress: false,
      guardsLoopback: false,
      // the set of such connections holds only endpoints of this node
      masqueradesToItself: (endpoint) => has(endpoint, LOCAL),
    };
  },
  follow: (input, packet) => {
    const table = nftContentsOf(planWholeTable(input.view, settingsOf(input)));
    return traceNftOutcomes(table, packet, { addresses: input.node.addresses });
  },
};

function settingsOf({ config, family, node }: ExplainInput): NftSettings {
  const cidrs = nodePortCidrs(config.nodePortAddresses, primaryOf(node.addresses));
  const addresses = nodePortAddresses(family, cidrs);
  return {
    family,
    masqueradeMark: config.masqueradeMark,
    masqueradeAll: config.masqueradeAll,
    localTraffic: detectLocal(config, node.podCidrs, family),
    nodeIp: node.addresses.find((ip) => !isLoopback(ip)),
    nodePortIps: addresses.matchesAll
      ? 'all'
      : matchingAddresses(addresses, node.addresses).filter((ip) => !isLoopback(ip)),
  };
}

/** `primary` in nodePortAddresses means the node's own address, not every address of the host. */
function primaryOf(addresses: readonly string[]): readonly string[] {
  const first = addresses.find((ip) => !isLoopback(ip));
  return first === undefined ? [] : [first];
}
