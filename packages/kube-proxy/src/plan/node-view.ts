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

/** One Service port, and where this node sends its traffic. */
export interface PortView extends CategorizedEndpoints {
  readonly service: ServicePort;
  /** Every endpoint, whatever its state. */
  readonly all: readonly Endpoint[];
  /** Traffic to the cluster IP has somewhere to go. */
  readonly hasInternal: boolean;
  /** Traffic from outside has somewhere to go. */
  readonly hasExternal: boolean;
}

/** What this node must forward, one address family. */
export interface NodeView {
  readonly family: IpFamily;
  /** By {@link servicePortKey}; a port keeps its place while it exists. */
  readonly ports: ReadonlyMap<string, PortView>;
  /** Endpoints over all ports of Services, whatever their state. */
  readonly endpointCount: number;
  /** Ranges that cluster IPs are taken from; empty as long as they are not known, or not asked for. */
  readonly serviceCidrs: readonly string[];
}

/** How the view changed with one update. */
export interface ViewChange extends Changes {
  /** Keys of ports that are new or may forward differently. */
  readonly changedPorts: ReadonlySet<string>;
  readonly removedPorts: ReadonlySet<string>;
  readonly serviceCidrsChanged: boolean;
  /** Services that could not be worked out: their ports forward as before. */
  readonly failures: readonly Readonly<{ service: string; error: unknown }>[];
}

/** Keeps the node view current: O(what changed) per update. */
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

  /** @param cidrs canonical, of either family; @returns whether those of this family changed */
  setServiceCidrs(cidrs: readonly string[]): boolean {
    const own = cidrs.filter((cidr) => familyOf(cidr) === this.#family).toSorted();
    const changed = own.join() !== this.#serviceCidrs.join();
    this.#serviceCidrs = own;
    this.#serviceCidrsChanged ||= changed;
    return changed;
  }

  /** Takes in what the tracker has seen since the last update. */
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
