import type { EndpointSlice, Service } from '@nodeagent/kube-client';

import type { IpFamily, ProxyMode } from '../../src/index.js';
import { aService, aSlice } from '../../src/testing/index.js';
import type { EndpointSketch, ServerName, ServiceSketch, Settings, Target } from './cases.js';
import { FAMILIES, HOSTS, NODE, OTHER_NODE, SERVERS } from './hosts.js';

/** The API objects of a world, and the addresses that its cases refer to. */
export class WorldObjects {
  readonly all: readonly (Service | EndpointSlice)[];
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(services: readonly ServiceSketch[]) {
    this.#numbers = new Map(services.map(({ name }, i) => [name, 10 + i]));
    this.all = services.flatMap((service) => [
      this.#service(service),
      ...FAMILIES.map((family) => sliceOf(service, family)).filter((one) => one !== undefined),
    ]);
  }

  /** Returns the address of a target in one family. */
  address(target: Target, family: IpFamily): string {
    if ('node' in target) return nodeAddress(target.node, family);
    const [[kind, name] = ['', '']] = Object.entries(target);
    return this.#addressOf(kind, name, family);
  }

  #addressOf(kind: string, name: string, family: IpFamily): string {
    const number = this.#numbers.get(name);
    if (number === undefined) throw new Error(`no Service "${name}" in this world`);
    return RANGES[kind]?.[family].replace('#', String(number)) ?? '';
  }

  #service(sketch: ServiceSketch): Service {
    const { name, ports, families = FAMILIES } = sketch;
    const addresses = (kind: string) => families.map((one) => this.#addressOf(kind, name, one));
    const clusterIPs = addresses('clusterIp');
    const ingress = addresses('loadBalancerIp').map((ip) => ({
      ip,
      ipMode: sketch.balanced ?? 'VIP',
    }));
    const service = aService(
      `default/${name}`,
      {
        clusterIP: clusterIPs[0] ?? '',
        clusterIPs,
        ipFamilies: [...families],
        type: sketch.type ?? 'ClusterIP',
        internalTrafficPolicy: sketch.internalPolicy ?? 'Cluster',
        ...(sketch.type && { externalTrafficPolicy: sketch.externalPolicy ?? 'Cluster' }),
        ...(sketch.external && { externalIPs: addresses('externalIp') }),
        ...(sketch.sourceRanges && { loadBalancerSourceRanges: [...sketch.sourceRanges] }),
        ...(sketch.sticky && { sessionAffinity: 'ClientIP' }),
        ports: ports.map(({ port, protocol = 'TCP', nodePort }) => ({
          name: portName(protocol),
          port,
          protocol,
          ...(nodePort !== undefined && { nodePort }),
        })),
      },
      sketch.balanced === undefined ? {} : { ingress },
    );
    const labels = { 'service.kubernetes.io/service-proxy-name': 'another' };
    return sketch.otherProxy ? { ...service, metadata: { ...service.metadata, labels } } : service;
  }
}

const RANGES: Readonly<Record<string, Readonly<Record<IpFamily, string>>>> = {
  clusterIp: { IPv4: '10.96.0.#', IPv6: 'fd00:96::#' },
  externalIp: { IPv4: '203.0.113.#', IPv6: '2001:db8:1::#' },
  loadBalancerIp: { IPv4: '198.51.100.#', IPv6: '2001:db8:2::#' },
};

function nodeAddress(which: 'client' | 'pod' | 'loopback', family: IpFamily): string {
  if (which === 'loopback') return family === 'IPv4' ? '127.0.0.1' : '::1';
  return HOSTS[which === 'client' ? 'client' : 'podA'].gateway[family];
}

function howPodsAreTold(pods: Settings['pods']): object {
  switch (pods) {
    case 'by interface':
      return {
        detectLocalMode: 'InterfaceNamePrefix',
        detectLocal: { interfaceNamePrefix: 'pod' },
      };
    case 'by bridge':
      return {
        detectLocalMode: 'BridgeInterface',
        detectLocal: { bridgeInterface: HOSTS.podA.device },
      };
    case 'by the node’s range':
      return { detectLocalMode: 'NodeCIDR' };
    case 'unknown':
      return { clusterCIDR: '' };
    case undefined:
      return { clusterCIDR: '10.244.0.0/16,fd00:10:244::/48' };
  }
}

function portName(protocol: string): string {
  return protocol.toLowerCase();
}

function sliceOf(sketch: ServiceSketch, family: IpFamily): EndpointSlice | undefined {
  const { name, ports, endpoints, families = FAMILIES } = sketch;
  if (!families.includes(family) || endpoints.length === 0) return undefined;
  const slice = aSlice(
    `default/${name}`,
    ports.map(({ protocol = 'TCP' }) => ({
      name: portName(protocol),
      protocol,
      port: protocol === 'UDP' ? UDP_PORT : TCP_PORT,
    })),
    endpoints.map((one) => endpointOf(one, family)),
  );
  slice.metadata!.name = `${name}-${family.toLowerCase()}`;
  return slice;
}

/** The port on which the servers in the pods listen. */
export const TCP_PORT = 8080;
export const UDP_PORT = 5353;

function endpointOf(given: ServerName | EndpointSketch, family: IpFamily) {
  const { pod, ...rest } = typeof given === 'string' ? { pod: given } : given;
  const nodeName = pod === 'remote' ? OTHER_NODE : NODE;
  return { ip: HOSTS[SERVERS[pod]].address[family], nodeName, ...rest };
}

/** Returns a configuration file's content for a mode with the settings of a world. */
export function configOf(mode: ProxyMode, settings: Settings): object {
  const { masqueradeAll = false, pods, nodePortsOn } = settings;
  const section = { minSyncPeriod: '50ms', syncPeriod: '1s' };
  const masquerade = { masqueradeAll };
  const ownSection =
    mode === 'ipvs'
      ? { ipvs: section, iptables: masquerade }
      : { [mode === 'userspace' ? 'iptables' : mode]: { ...section, ...masquerade } };
  return {
    mode,
    ...ownSection,
    conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    ...howPodsAreTold(pods),
    ...(nodePortsOn && { nodePortAddresses: ['192.168.50.0/24', 'fd50::/64'] }),
  };
}
