import { familyOf, type IpFamily } from '../model/address.js';
import type { Endpoint } from '../model/endpoint.js';
import { type ServicePort, servicePortKey } from '../model/service.js';
import {
  type CategorizedEndpoints,
  categorizeEndpoints,
  type Topology,
} from './categorize-endpoints.js';
import { collectEndpoints } from './collect-endpoints.js';
import type { Changes, ChangeTracker } from './track-changes.js';

/** One Service port and the endpoints that this node sends its traffic to. */
export interface PortView extends CategorizedEndpoints {
  readonly service: ServicePort;
  /** All endpoints in any state. */
  readonly all: readonly Endpoint[];
  /** True when traffic to the cluster IP has an endpoint. */
  readonly hasInternal: boolean;
  /** True when traffic from outside has an endpoint. */
  readonly hasExternal: boolean;
}

/** Everything that this node must forward in one address family. */
export interface NodeView {
  readonly family: IpFamily;
  /** By port and protocol: `shop/web:http/TCP`. A port keeps its place while it exists. */
  readonly ports: ReadonlyMap<string, PortView>;
  /** Number of endpoints of all Service ports, in any state. */
  readonly endpointCount: number;
  /** Ranges of the cluster IPs; empty while unknown, or when not needed. */
  readonly serviceCidrs: readonly string[];
}

/** The changes of the view by one update. */
export interface ViewChange extends Changes {
  /** Keys of ports that are new or may forward differently. */
  readonly changedPorts: ReadonlySet<string>;
  readonly removedPorts: ReadonlySet<string>;
  readonly serviceCidrsChanged: boolean;
  /** Services that could not be computed: their ports forward as before. */
  readonly failures: readonly Readonly<{ service: string; error: unknown }>[];
}

/** Keeps the node view current. The cost of an update depends on the number of changes only. */
export class NodeViewBuilder {
  readonly #tracker: ChangeTracker;
  readonly #ports = new Map<string, PortView>();
  readonly #keysOf = new Map<string, readonly string[]>();
  readonly #family: IpFamily;
  #topology: Topology;
  #topologyChanged = false;
  #serviceCidrs: readonly string[] = [];
  #serviceCidrsChanged = false;
  #endpointCount = 0;

  constructor(tracker: ChangeTracker, family: IpFamily, topology: Topology) {
    this.#tracker = tracker;
    this.#family = family;
    this.#topology = topology;
  }

  get view(): NodeView {
    return {
      family: this.#family,
      ports: this.#ports,
      endpointCount: this.#endpointCount,
      serviceCidrs: this.#serviceCidrs,
    };
  }

  setTopology(topology: Topology): void {
    this.#topology = topology;
    this.#topologyChanged = true;
  }

  /**
   * @param cidrs canonical prefixes of either family; @returns true when those of this family
   * changed
   */
  setServiceCidrs(cidrs: readonly string[]): boolean {
    const own = cidrs.filter((cidr) => familyOf(cidr) === this.#family).toSorted();
    const changed = own.join() !== this.#serviceCidrs.join();
    this.#serviceCidrs = own;
    this.#serviceCidrsChanged ||= changed;
    return changed;
  }

  /** Applies the tracker's changes since the last update. */
  update(): ViewChange {
    const changes = this.#tracker.take();
    const services = this.#topologyChanged
      ? new Set([...this.#keysOf.keys(), ...changes.services, ...changes.endpoints])
      : new Set([...changes.services, ...changes.endpoints]);
    this.#topologyChanged = false;
    const changedPorts = new Set<string>();
    const removedPorts = new Set<string>();
    const failures: { service: string; error: unknown }[] = [];
    for (const service of services) {
      try {
        this.#updateService(service, changedPorts, removedPorts);
      } catch (error) {
        failures.push({ service, error });
      }
    }
    const serviceCidrsChanged = this.#serviceCidrsChanged;
    this.#serviceCidrsChanged = false;
    return { ...changes, changedPorts, removedPorts, serviceCidrsChanged, failures };
  }

  #updateService(service: string, changed: Set<string>, removed: Set<string>): void {
    const ports = this.#tracker.portsOf(service);
    const keys = ports.map(servicePortKey);
    const views = ports.map((port) => {
      const all = collectEndpoints(this.#tracker.slicesOf(service), port);
      return viewPort(port, all, this.#topology);
    });
    for (const key of this.#keysOf.get(service) ?? []) {
      if (keys.includes(key)) continue;
      this.#set(key, undefined);
      removed.add(key);
    }
    for (const [i, key] of keys.entries()) {
      this.#set(key, views[i]);
      changed.add(key);
    }
    if (keys.length === 0) this.#keysOf.delete(service);
    else this.#keysOf.set(service, keys);
  }

  #set(key: string, view: PortView | undefined): void {
    this.#endpointCount += (view?.all.length ?? 0) - (this.#ports.get(key)?.all.length ?? 0);
    if (view === undefined) this.#ports.delete(key);
    else this.#ports.set(key, view);
  }
}

export function viewPort(
  service: ServicePort,
  all: readonly Endpoint[],
  topology: Topology,
): PortView {
  const endpoints = categorizeEndpoints(all, service, topology);
  const { hasAny, local } = endpoints;
  return {
    ...endpoints,
    service,
    all,
    hasInternal: hasAny && !(service.internalLocal && local.length === 0),
    hasExternal: hasAny && !(service.externalLocal && local.length === 0),
  };
}
