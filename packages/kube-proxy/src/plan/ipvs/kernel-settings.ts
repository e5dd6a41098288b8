import type { KernelSetting } from '../kernel-settings.js';

export interface IpvsKernelFacts {
  /** `6.1.176`, as in /proc/sys/kernel/osrelease. */
  readonly release: string;
  /** The machine does not answer ARP requests for service addresses. */
  readonly strictArp: boolean;
}

/** Lists the kernel settings that IPVS needs. @see Kubernetes 1.36 pkg/proxy/ipvs/proxier.go */
export function ipvsSettings({ release, strictArp }: IpvsKernelFacts): readonly KernelSetting[] {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  const version = major * 1000 + minor;
  // reuse of a connection's ports took a second before 5.9, and was not possible before 4.1
  const reuse = version >= 4001 && version < 5009;
  return [
    { key: 'net/ipv4/vs/conntrack', value: 1 },
    ...(reuse ? [{ key: 'net/ipv4/vs/conn_reuse_mode', value: 0 }] : []),
    { key: 'net/ipv4/vs/expire_nodest_conn', value: 1 },
    { key: 'net/ipv4/vs/expire_quiescent_template', value: 1 },
    { key: 'net/ipv4/ip_forward', value: 1 },
    ...(strictArp
      ? [
          { key: 'net/ipv4/conf/all/arp_ignore', value: 1 },
          { key: 'net/ipv4/conf/all/arp_announce', value: 2 },
        ]
      : []),
  ];
}
