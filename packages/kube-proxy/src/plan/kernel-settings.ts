import type { ConntrackConfig } from '../model/config.js';

/** A kernel setting and the value it must have. */
export interface KernelSetting {
  /** Path below /proc/sys. */
  readonly key: string;
  readonly value: number;
}

/** Beyond this number the tracking table takes more memory than a node should give it. */
const MAX_TRACKED = 1_048_576;

const NETFILTER = 'net/netfilter';
export const CONNTRACK_MAX = `${NETFILTER}/nf_conntrack_max`;
export const TCP_BE_LIBERAL = `${NETFILTER}/nf_conntrack_tcp_be_liberal`;
export const ROUTE_LOCALNET = 'net/ipv4/conf/all/route_localnet';

/**
 * Lists the settings of connection tracking; values of 0 are left to the kernel.
 *
 * @see Kubernetes 1.36 cmd/kube-proxy/app/server_linux.go, setupConntrack
 */
export function conntrackSettings(
  config: ConntrackConfig,
  cpuCount: number,
): readonly KernelSetting[] {
  const scaled = config.maxPerCore * cpuCount;
  const max = scaled > MAX_TRACKED ? MAX_TRACKED : Math.max(scaled, config.min);
  const rows: readonly (readonly [key: string, value: number])[] = [
    [CONNTRACK_MAX, config.maxPerCore > 0 ? max : 0],
    [`${NETFILTER}/nf_conntrack_tcp_timeout_established`, config.tcpEstablishedSeconds],
    [`${NETFILTER}/nf_conntrack_tcp_timeout_close_wait`, config.tcpCloseWaitSeconds],
    [TCP_BE_LIBERAL, config.tcpBeLiberal ? 1 : 0],
    [`${NETFILTER}/nf_conntrack_udp_timeout`, config.udpSeconds],
    [`${NETFILTER}/nf_conntrack_udp_timeout_stream`, config.udpStreamSeconds],
  ];
  return rows.filter(([, value]) => value > 0).map(([key, value]) => ({ key, value }));
}
