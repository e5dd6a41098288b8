import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

import type { NodeConfig } from '../model/config.js';
import type { NetworkFacts } from '../model/facts.js';

/** An entry of `status.addresses`: type `InternalIP`, `ExternalIP`, `Hostname` … */
export interface NodeAddress {
  readonly type: string;
  readonly address: string;
}

/** The addresses to report, or the reason why the present ones stay. */
export type PlannedAddresses =
  | Readonly<{ kind: 'addresses'; addresses: readonly NodeAddress[] }>
  /** The node's present addresses must stay; the text is the reason. */
  | Readonly<{ kind: 'unknown'; why: string }>;

type AddressConfig = Pick<NodeConfig, 'nodeName' | 'hostname' | 'nodeIps' | 'cloudProvider'>;

/**
 * Chooses the node's addresses, the preferred one first.
 *
 * @see Kubernetes 1.36 pkg/kubelet/nodestatus/setters.go, NodeAddress
 */
export function planAddresses(
  config: AddressConfig,
  network: NetworkFacts,
  previous: readonly NodeAddress[],
): PlannedAddresses {
  const { hostname, cloudProvider } = config;
  const explicit = explicitIps(config);
  const wrong = explicit.map((ip) => unusableReason(ip, network)).find((why) => why !== undefined);
  if (wrong !== undefined) return { kind: 'unknown', why: `failed to validate nodeIP: ${wrong}` };
  const named = { type: 'Hostname', address: hostname };
  if (cloudProvider === 'external') {
    if (previous.length > 0) return { kind: 'addresses', addresses: previous };
    if (config.nodeIps.length === 0) return { kind: 'addresses', addresses: [named] };
  }
  const found = explicit.length > 0 ? explicit : guessedIp(config, network);
  if (typeof found === 'string') return { kind: 'unknown', why: found };
  const internal = found.map((address) => ({ type: 'InternalIP', address }));
  return { kind: 'addresses', addresses: [...internal, named] };
}

/** Returns the annotation value that shows a cloud controller the requested addresses. */
export function providedIps(config: AddressConfig): string | undefined {
  const explicit = explicitIps(config);
  if (config.cloudProvider !== 'external' || explicit.length === 0) return undefined;
  return explicit.join(',');
}

function explicitIps({ nodeIps }: AddressConfig): readonly string[] {
  return nodeIps.filter((ip) => !isUnspecified(ip));
}

function guessedIp(
  { nodeName, hostname, nodeIps }: AddressConfig,
  network: NetworkFacts,
): readonly string[] | string {
  if (isIP(hostname) !== 0) return [hostname];
  const isPreferred = nodeIps.some((ip) => isIPv6(ip)) ? isIPv6 : isIPv4;
  const usable = network.resolvedAddresses.filter(
    (ip) => unusableReason(ip, network) === undefined,
  );
  const { ipv4, ipv6 } = network.defaultRoute;
  const routed = isPreferred === isIPv6 ? (ipv6 ?? ipv4) : (ipv4 ?? ipv6);
  const found = usable.find((ip) => isPreferred(ip)) ?? usable[0] ?? routed;
  if (found !== undefined) return [found];
  return `can't get ip address of node ${nodeName}. error: no default routes found`;
}

const LOOPBACK = listOf(['127.0.0.0', 8, 'ipv4'], ['::1', 128, 'ipv6']);
const MULTICAST = listOf(['224.0.0.0', 4, 'ipv4'], ['ff00::', 8, 'ipv6']);
const LINK_LOCAL = listOf(['169.254.0.0', 16, 'ipv4'], ['fe80::', 10, 'ipv6']);

function listOf(...nets: readonly [string, number, 'ipv4' | 'ipv6'][]): BlockList {
  const list = new BlockList();
  for (const [net, prefix, family] of nets) list.addSubnet(net, prefix, family);
  return list;
}

function unusableReason(ip: string, { interfaceAddresses }: NetworkFacts): string | undefined {
  const family = isIPv6(ip) ? 'ipv6' : 'ipv4';
  if (isIP(ip) === 0) return `nodeIP must be a valid IP address: "${ip}"`;
  if (LOOPBACK.check(ip, family)) return "nodeIP can't be loopback address";
  if (MULTICAST.check(ip, family)) return "nodeIP can't be a multicast address";
  if (LINK_LOCAL.check(ip, family)) return "nodeIP can't be a link-local unicast address";
  if (isUnspecified(ip)) return "nodeIP can't be an all zeros address";
  if (interfaceAddresses.some((own) => sameIp(own, ip))) return undefined;
  return `node IP: "${ip}" not found in the host's network interfaces`;
}

function isUnspecified(ip: string): boolean {
  return sameIp(ip, '0.0.0.0') || sameIp(ip, '::');
}

/** Compares values, because an IPv6 address can be written in many ways. */
function sameIp(a: string, b: string): boolean {
  const family = isIP(a) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(a) !== isIP(b) || isIP(a) === 0) return false;
  if (family === 'ipv4') return a === b;
  const one = new BlockList();
  one.addAddress(a, family);
  return one.check(b, family);
}
