import { networkInterfaces } from 'node:os';

import { runCommand, tryCommand } from './command.ts';
import { readIfThere } from './proc.ts';

/** Addresses of one testbed node, all from private ranges; the node's number selects them. */
export interface NodeNetwork {
  /** This machine's end of the cable. */
  readonly hostIp: string;
  /** The node's end: the address of its kubelet and its API server. */
  readonly nodeIp: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** Absent when the kernel has IPv6 switched off. */
  readonly ipv6?: {
    readonly hostIp: string;
    readonly nodeIp: string;
    readonly podCidr: string;
    readonly serviceCidr: string;
  };
}

export function planNodeNetwork(index: number, withIpv6: boolean): NodeNetwork {
  const v4 = {
    hostIp: `10.213.${index}.1`,
    nodeIp: `10.213.${index}.2`,
    podCidr: `10.214.${index}.0/24`,
    serviceCidr: `10.215.${index}.0/24`,
  };
  const six = `fd6e:6f64:${index.toString(16)}`;
  const ipv6 = {
    hostIp: `${six}:1::1`,
    nodeIp: `${six}:1::2`,
    podCidr: `${six}:2::/64`,
    serviceCidr: `${six}:3::/112`,
  };
  return withIpv6 ? { ...v4, ipv6 } : v4;
}

export function machineHasIpv6(): boolean {
  const loopback = networkInterfaces()['lo'] ?? [];
  return (
    readIfThere('/proc/sys/net/ipv6/conf/all/disable_ipv6')?.trim() === '0' &&
    loopback.some(({ family }) => family === 'IPv6')
  );
}

/**
 * Creates a network namespace joined to this machine by one cable, with routes to its pods and
 * Services. Everything on the machine's side depends on the cable and disappears with it; no
 * firewall rule is added.
 *
 * @param name of the namespace and of the cable, so at most 15 bytes
 */
export async function createNodeNetns(name: string, network: NodeNetwork): Promise<void> {
  const { hostIp, nodeIp, podCidr, serviceCidr, ipv6 } = network;
  await runCommand(['ip', 'netns', 'add', name]);
  const host = [
    `link add ${name} type veth peer name eth0 netns ${name}`,
    `addr add ${hostIp}/24 dev ${name}`,
    `link set ${name} up`,
    ...(ipv6 ? [`addr add ${ipv6.hostIp}/64 dev ${name} nodad`] : []),
  ];
  const node = [
    'link set lo up',
    `addr add ${nodeIp}/24 dev eth0`,
    'link set eth0 up',
    `route add default via ${hostIp}`,
    ...(ipv6
      ? [`addr add ${ipv6.nodeIp}/64 dev eth0 nodad`, `route add default via ${ipv6.hostIp}`]
      : []),
  ];
  const routes = [
    `route add ${podCidr} via ${nodeIp}`,
    `route add ${serviceCidr} via ${nodeIp}`,
    ...(ipv6
      ? [
          `route add ${ipv6.podCidr} via ${ipv6.nodeIp}`,
          `route add ${ipv6.serviceCidr} via ${ipv6.nodeIp}`,
        ]
      : []),
  ];
  const batch = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
  await runCommand(['ip', '-batch', '-'], { input: batch(host) });
  await runCommand(['ip', '-n', name, '-batch', '-'], { input: batch(node) });
  await runCommand(['ip', '-batch', '-'], { input: batch(routes) });
  const sysctls = [
    'net/ipv4/ip_forward=1',
    'net/ipv4/conf/all/route_localnet=1',
    ...(ipv6 ? ['net/ipv6/conf/all/forwarding=1'] : []),
  ].map((line) => `echo ${line.split('=')[1]} > /proc/sys/${line.split('=')[0]}`);
  await runCommand([...enterNetns(name), 'sh', '-ec', sysctls.join('\n')]);
}

/** Deletes the namespace, its cable and its rules; its processes must have ended. */
export async function deleteNetns(name: string): Promise<void> {
  await tryCommand(['ip', 'link', 'delete', name]);
  const { exitCode, stderr } = await tryCommand(['ip', 'netns', 'delete', name]);
  if (exitCode !== 0 && !stderr.includes('No such file')) throw new Error(stderr);
}

/**
 * The words that run a command in a namespace. Not `ip netns exec`: that mounts a new /sys without
 * the cgroups that a container runtime needs.
 */
export function enterNetns(name: string): readonly string[] {
  return ['nsenter', `--net=${netnsPath(name)}`, '--'];
}

export function netnsPath(name: string): string {
  return `/run/netns/${name}`;
}
