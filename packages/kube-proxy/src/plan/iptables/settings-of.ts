import type { IpFamily } from '../../model/address.js';
import type { ProxyConfig } from '../../model/config.js';
import {
  containsLoopback,
  matchingAddresses,
  type NodePortAddresses,
} from '../../model/node-ports.js';
import { detectLocal } from '../detect-local.js';
import { LARGE_CLUSTER_ENDPOINTS, type RuleSettings, type SyncSettings } from './settings.js';

/** Facts found out on the machine. */
export interface MachineFacts extends Pick<
  RuleSettings,
  'family' | 'nodeIp' | 'randomFully' | 'dropInvalid' | 'counters'
> {
  readonly podCidrs: readonly string[];
  readonly nodePortAddresses: NodePortAddresses;
}

/** Derives the settings of the iptables mode's rules. */
export function ruleSettingsOf(config: ProxyConfig, facts: MachineFacts): RuleSettings {
  const { podCidrs, nodePortAddresses, ...rest } = facts;
  return {
    ...rest,
    masqueradeMark: config.masqueradeMark,
    masqueradeAll: config.masqueradeAll,
    localTraffic: detectLocal(config, podCidrs, facts.family),
    localhostNodePorts: hasLocalhostNodePorts(config, facts.family, nodePortAddresses),
  };
}

/** True for IPv4 only: the kernel routes nothing from ::1. */
export function hasLocalhostNodePorts(
  { localhostNodePorts }: ProxyConfig,
  family: IpFamily,
  addresses: NodePortAddresses,
): boolean {
  return family === 'IPv4' && localhostNodePorts && containsLoopback(addresses);
}

/** @param hostAddresses all addresses of this host in the family */
export function syncSettingsOf(
  settings: RuleSettings,
  nodePortAddresses: NodePortAddresses,
  {
    hostAddresses,
    endpointCount,
  }: Readonly<{ hostAddresses: readonly string[]; endpointCount: number }>,
): SyncSettings {
  const nodePortIps = nodePortAddresses.matchesAll
    ? ('all' as const)
    : matchingAddresses(nodePortAddresses, hostAddresses);
  return { ...settings, nodePortIps, comments: endpointCount <= LARGE_CLUSTER_ENDPOINTS };
}
