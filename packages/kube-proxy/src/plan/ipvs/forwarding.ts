import {
  defineDestination,
  defineService,
  type Destination,
  formatServiceId,
  type Protocol as IpvsProtocol,
  type ServiceId,
  type VirtualServer,
} from '@nodeagent/ipvs';
import { type IpsetEntry, ipsetEntryText, type IpsetProtocol } from '@nodeagent/netfilter/ipset';

import { cidrContains, type IpFamily } from '../../model/address.js';
import { type Endpoint, endpointText, has, LOCAL } from '../../model/endpoint.js';
import type { Protocol, ServicePort } from '../../model/service.js';
import type { NodeView, PortView } from '../node-view.js';
import { SET_IDS, type SetId } from './sets.js';

export interface ForwardingSettings {
  readonly family: IpFamily;
  /** An IPVS scheduler such as `rr`. */
  readonly scheduler: string;
  /** A source range that contains it also admits the load balancer's own address. */
  readonly nodeIp: string | undefined;
}

/** The machine's addresses at the moment. */
export interface MachineAddresses {
  /** Addresses on which node ports answer. */
  readonly nodePortIps: readonly string[];
  /** Addresses of all other interfaces. */
  readonly others: ReadonlySet<string>;
}

/** A load balancer address that may not answer itself. */
export interface GuardedAddress {
  readonly ip: string;
  readonly port: number;
  /** In lower case. */
  readonly protocol: IpsetProtocol;
}

/** Everything that the kernel should hold for a node view. */
export interface Forwarding {
  readonly servers: readonly VirtualServer[];
  /** Addresses of the dummy interface. */
  readonly addresses: ReadonlySet<string>;
  /** For each set, entries by their text. */
  readonly sets: Readonly<Record<SetId, ReadonlyMap<string, IpsetEntry>>>;
  readonly guarded: readonly GuardedAddress[];
  /** Ports of Services whose address and port another Service took first, by label. */
  readonly taken: ReadonlyMap<string, ServicePort>;
}

const LOWER = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const satisfies Record<
  Protocol,
  IpvsProtocol
>;

/**
 * Turns node views into virtual servers, sets and addresses. It keeps its results for a port until
 * the port changes, so that an unchanged virtual server is the same object each time.
 */
export class ForwardingPlanner {
  readonly #settings: ForwardingSettings;
  #made = new Map<string, VirtualServer & { readonly source: readonly Endpoint[] }>();

  constructor(settings: ForwardingSettings) {
    this.#settings = settings;
  }

  plan({ ports }: NodeView, machine: MachineAddresses): Forwarding {
    const draft = new Draft(machine, this.#settings, this.#made);
    for (const port of ports.values()) draft.add(port);
    this.#made = draft.made;
    return draft;
  }
}

type Made = Map<string, VirtualServer & { readonly source: readonly Endpoint[] }>;

class Draft implements Forwarding {
  readonly servers: VirtualServer[] = [];
  readonly addresses = new Set<string>();
  readonly sets = emptySets();
  readonly guarded: GuardedAddress[] = [];
  readonly taken = new Map<string, ServicePort>();
  readonly made: Made = new Map();
  readonly #machine: MachineAddresses;
  readonly #settings: ForwardingSettings;
  readonly #before: Made;

  constructor(machine: MachineAddresses, settings: ForwardingSettings, before: Made) {
    this.#machine = machine;
    this.#settings = settings;
    this.#before = before;
  }

  add(port: PortView): void {
    const { service } = port;
    const inside = targets(port, service.internalLocal);
    const outside = targets(port, service.externalLocal);
    this.#hairpin(port);
    if (this.#serve(service, service.clusterIp, inside)) {
      this.#put('clusterIp', entry(service, service.clusterIp));
    }
    for (const ip of service.externalIps) {
      if (!this.#serve(service, ip, outside)) continue;
      this.#put(service.externalLocal ? 'externalIpLocal' : 'externalIp', entry(service, ip));
    }
    for (const ip of service.loadBalancerIps) {
      if (this.#serve(service, ip, outside)) this.#balance(service, ip);
    }
    if (this.#machine.nodePortIps.length > 0) this.#openNodePorts(service, outside);
  }

  #hairpin({ service, all }: PortView): void {
    const protocol = LOWER[service.protocol];
    for (const endpoint of all) {
      if (!has(endpoint, LOCAL)) continue;
      const { ip, port } = endpoint;
      this.#put('loopBack', { ip, protocol, port, second: ip });
    }
  }

  #balance(service: ServicePort, ip: string): void {
    const { nodeIp } = this.#settings;
    const own = entry(service, ip);
    this.#put('loadBalancer', own);
    if (service.externalLocal) this.#put('loadBalancerLocal', own);
    const { sourceRanges } = service;
    if (sourceRanges.length === 0) return;
    this.#put('loadBalancerFirewall', own);
    for (const second of sourceRanges) this.#put('loadBalancerSourceCidr', { ...own, second });
    const admitsNode =
      nodeIp !== undefined && sourceRanges.some((range) => cidrContains(range, nodeIp));
    if (admitsNode) this.#put('loadBalancerSourceIp', { ...own, second: ip });
    else this.guarded.push({ ip, port: service.port, protocol: LOWER[service.protocol] });
  }

  #openNodePorts(service: ServicePort, endpoints: readonly Endpoint[]): void {
    const { nodePort, protocol, externalLocal, healthCheckNodePort } = service;
    if (healthCheckNodePort !== 0) {
      this.#put('healthCheckNodePort', { port: healthCheckNodePort });
    }
    if (nodePort === 0) return;
    for (const ip of this.#machine.nodePortIps) {
      if (!this.#virtualServer(service, ip, nodePort, endpoints)) continue;
      const sctp = { ip, protocol: 'sctp', port: nodePort } as const;
      const [id, item] = {
        TCP: ['nodePortTcp', { port: nodePort }] as const,
        UDP: ['nodePortUdp', { port: nodePort }] as const,
        SCTP: ['nodePortSctp', sctp] as const,
      }[protocol];
      this.#put(id, item);
      if (externalLocal) this.#put(id.replace('nodePort', 'nodePortLocal') as SetId, item);
    }
  }

  /** @returns false when another Service owns the address and port */
  #serve(service: ServicePort, ip: string, endpoints: readonly Endpoint[]): boolean {
    if (!this.#virtualServer(service, ip, service.port, endpoints)) return false;
    if (this.#machine.others.has(ip)) return true; // the address belongs to this machine already
    this.addresses.add(ip);
    this.#put('ipvsIps', { ip });
    return true;
  }

  #virtualServer(
    service: ServicePort,
    address: string,
    port: number,
    endpoints: readonly Endpoint[],
  ): boolean {
    const protocol = LOWER[service.protocol];
    const id = { kind: 'address', protocol, address, port } as const;
    const key = formatServiceId(id);
    if (this.made.has(key)) {
      this.taken.set(`${service.label}/${protocol}`, service);
      return false;
    }
    const before = this.#before.get(key);
    const seconds = service.affinitySeconds;
    const isSame =
      before?.source === endpoints && before.service.persistence?.timeoutSeconds === seconds;
    const server = isSame ? before : this.#make(id, seconds, endpoints);
    this.made.set(key, server);
    this.servers.push(server);
    return true;
  }

  #make(
    id: ServiceId,
    affinitySeconds: number | undefined,
    endpoints: readonly Endpoint[],
  ): VirtualServer & { source: readonly Endpoint[] } {
    const { scheduler } = this.#settings;
    const service = defineService({
      id,
      scheduler,
      schedulerFlags: scheduler === 'mh' ? [2] : [],
      ...(affinitySeconds === undefined
        ? {}
        : { persistence: { timeoutSeconds: affinitySeconds } }),
    });
    return { service, destinations: destinationsOf(endpoints), source: endpoints };
  }

  #put(id: SetId, item: IpsetEntry): void {
    this.sets[id].set(ipsetEntryText(item), item);
  }
}

/** When a policy asks for endpoints of this node and there are none, all endpoints are used. */
function targets({ local, cluster }: PortView, onlyLocal: boolean): readonly Endpoint[] {
  return onlyLocal && local.length > 0 ? local : cluster;
}

function destinationsOf(endpoints: readonly Endpoint[]): readonly Destination[] {
  const unique = new Map(endpoints.map((endpoint) => [endpointText(endpoint), endpoint]));
  return [...unique.values()].map(({ ip, port }) =>
    defineDestination({ address: ip, port, forwarding: 'masquerade' }),
  );
}

function entry(service: ServicePort, ip: string): IpsetEntry {
  return { ip, protocol: LOWER[service.protocol], port: service.port };
}

function emptySets(): Record<SetId, Map<string, IpsetEntry>> {
  const pairs = SET_IDS.map((id) => [id, new Map<string, IpsetEntry>()]);
  return Object.fromEntries(pairs) as Record<SetId, Map<string, IpsetEntry>>;
}
