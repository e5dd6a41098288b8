import { parseSave, renderRestore, traceOutcomes } from '@nodeagent/netfilter';

import { isLoopback } from '../../model/address.js';
import { matchingAddresses, nodePortAddresses, nodePortCidrs } from '../../model/node-ports.js';
import type { SyncSettings } from '../iptables/settings.js';
import { ruleSettingsOf, syncSettingsOf } from '../iptables/settings-of.js';
import { planWholeTables } from '../iptables/whole-tables.js';
import type { ExplainInput, ModeExplainer } from './types.js';

/** The iptables mode on a machine with current tools and no nfacct counters. */
export const IPTABLES_EXPLAINER: ModeExplainer = {
  mode: 'iptables',
  render: (input) => renderRestore(planWholeTables(input.view, settingsOf(input))),
  traits: (input) => {
    const { nodePortIps, localhostNodePorts } = settingsOf(input);
    const { addresses } = input.node;
    return {
      hasNodePorts: (ip) => {
        if (isLoopback(ip) && !localhostNodePorts) return false;
        if (nodePortIps !== 'all') return nodePortIps.includes(ip);
        return isLoopback(ip) || addresses.includes(ip);
      },
      carries: () => true,
      keepsSource: true,
      sharedAddresses: true,
      guardsClusterIps: false,
      firewall: 'before refusals',
      admitsBalancer: true,
      refusesToHost: false,
      refusesOnEveryAddress: true,
      guardsLoopback: localhostNodePorts,
      masqueradesToItself: () => true,
    };
  },
  follow: (input, packet) => {
    const text = [...IPTABLES_EXPLAINER.render(input)].join('');
    return traceOutcomes(parseSave(text), packet, { addresses: input.node.addresses });
  },
};

function settingsOf({ config, view, family, node }: ExplainInput): SyncSettings {
  const cidrs = nodePortCidrs(config.nodePortAddresses, node.addresses);
  const addresses = nodePortAddresses(family, cidrs);
  const settings = ruleSettingsOf(config, {
    family,
    nodeIp: node.addresses.find((ip) => !isLoopback(ip)),
    randomFully: true,
    dropInvalid: true,
    counters: { invalidDropped: false, localhostNodePorts: false },
    podCidrs: node.podCidrs,
    nodePortAddresses: addresses,
  });
  const { endpointCount } = view;
  const hostAddresses = matchingAddresses(addresses, node.addresses);
  return syncSettingsOf(settings, addresses, { hostAddresses, endpointCount });
}
