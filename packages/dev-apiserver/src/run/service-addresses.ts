import type { Service } from '@nodeagent/kube-client';

import { field, StatusError, statusError } from '../model/errors.js';
import { kindOf } from '../model/kinds.js';
import type { IpRange } from '../plan/ip-range.js';
import { IpAllocator, PortAllocator } from './allocators.js';

type Spec = NonNullable<Service['spec']>;

const SERVICES = kindOf('', 'services');

/** Records which Service has which cluster IPs and node ports. */
export class ServiceAddresses {
  readonly #ips: readonly IpAllocator[];
  readonly #ports: PortAllocator;

  constructor(ranges: readonly IpRange[], nodePorts: Readonly<{ first: number; last: number }>) {
    this.#ips = ranges.map((range) => new IpAllocator(range));
    this.#ports = new PortAllocator(nodePorts.first, nodePorts.last);
  }

  /**
   * Updates the addresses in the spec to match its type, and keeps those of the old spec.
   *
   * @returns a function that undoes it if the write fails
   * @throws {StatusError} 422 for a chosen address or port that is not available
   */
  assign(spec: Spec, old: Spec | undefined, name: string): () => void {
    const undo: (() => void)[] = [];
    try {
      this.#assignIps(spec, old, { name, undo });
      this.#assignPorts(spec, old, { name, undo });
    } catch (error) {
      for (const step of undo) step();
      throw error;
    }
    return () => {
      for (const step of undo) step();
    };
  }

  /**
   * Releases addresses and ports of the old spec that the new one (undefined when deleted) no
   * longer has.
   */
  release(old: Spec, spec: Spec | undefined): void {
    for (const ip of clusterIps(old)) {
      if (spec === undefined || !clusterIps(spec).includes(ip)) {
        for (const allocator of this.#ips) allocator.release(ip);
      }
    }
    const kept = spec === undefined ? [] : nodePorts(spec);
    for (const port of nodePorts(old)) if (!kept.includes(port)) this.#ports.release(port);
  }

  #assignIps(spec: Spec, old: Spec | undefined, { name, undo }: Attempt): void {
    if (spec.type === 'ExternalName') {
      delete spec.clusterIP;
      delete spec.clusterIPs;
      delete spec.ipFamilies;
      delete spec.ipFamilyPolicy;
      return;
    }
    const allocators = this.#allocatorsFor(spec);
    spec.ipFamilyPolicy ??= 'SingleStack';
    spec.ipFamilies = allocators.map(({ range }) => range.family);
    if (spec.clusterIP === 'None') {
      spec.clusterIPs = ['None'];
      return;
    }
    const before = old === undefined ? [] : clusterIps(old);
    const chosen = (spec.clusterIPs ?? []).filter((ip) => ip !== '');
    if (spec.clusterIP !== undefined && spec.clusterIP !== '') chosen[0] = spec.clusterIP;
    spec.clusterIPs = allocators.map((allocator, i) => {
      const wanted = chosen[i] ?? before[i];
      if (wanted !== undefined && before.includes(wanted)) return wanted;
      if (wanted === undefined) {
        const ip = allocator.take();
        if (ip === undefined)
          throw new StatusError(
            500,
            'InternalError',
            'Internal error occurred: failed to allocate a serviceIP: range is full',
          );
        undo.push(() => allocator.release(ip));
        return ip;
      }
      const outcome = allocator.claim(wanted);
      if (outcome !== 'ok') {
        const detail =
          outcome === 'in-use'
            ? 'failed to allocate IP: provided IP is already allocated'
            : `failed to allocate IP: the provided network does not match the current range (${allocator.range.cidr})`;
        throw statusError.invalid(SERVICES, name, [
          field.invalid('spec.clusterIPs', [wanted], detail),
        ]);
      }
      undo.push(() => allocator.release(wanted));
      return wanted;
    });
    const [first] = spec.clusterIPs;
    if (first !== undefined) spec.clusterIP = first;
  }

  /** Returns one allocator per family that the Service requests, its first family first. */
  #allocatorsFor(spec: Spec): readonly IpAllocator[] {
    const chosenFamily = spec.clusterIP?.includes(':') === true ? ['IPv6'] : [];
    const families = spec.ipFamilies ?? chosenFamily;
    const named = families.flatMap((family) =>
      this.#ips.filter(({ range }) => range.family === family),
    );
    const rest = this.#ips.filter((allocator) => !named.includes(allocator));
    const ordered = [...named, ...rest];
    const count =
      (spec.ipFamilyPolicy ?? 'SingleStack') === 'SingleStack' && families.length < 2 ? 1 : 2;
    if (count === 2) spec.ipFamilyPolicy ??= 'RequireDualStack';
    return ordered.slice(0, count);
  }

  #assignPorts(spec: Spec, old: Spec | undefined, attempt: Attempt): void {
    const before = new Set(old === undefined ? [] : nodePorts(old));
    const wants =
      spec.type === 'NodePort' ||
      (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
    /** Node port by Service port: protocols on the same Service port share the node port. */
    const shared = new Map<number, number>();
    (spec.ports ?? []).forEach((port, i) => {
      if (!wants) {
        delete port.nodePort;
        return;
      }
      const same = old?.ports?.find((p) => p.port === port.port && p.protocol === port.protocol);
      const wanted = port.nodePort || same?.nodePort || shared.get(port.port);
      const held = wanted !== undefined && (before.has(wanted) || hasValue(shared, wanted));
      const path = `spec.ports[${i}].nodePort`;
      port.nodePort = held ? wanted : this.#port(path, wanted, attempt);
      shared.set(port.port, port.nodePort);
    });
    this.#assignHealthPort(spec, old, { ...attempt, held: before });
  }

  /** Load balancers use this port to find nodes with local endpoints. */
  #assignHealthPort(
    spec: Spec,
    old: Spec | undefined,
    attempt: Attempt & Readonly<{ held: ReadonlySet<number> }>,
  ): void {
    if (spec.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local') {
      delete spec.healthCheckNodePort;
      return;
    }
    const wanted = spec.healthCheckNodePort || old?.healthCheckNodePort || undefined;
    const held = wanted !== undefined && attempt.held.has(wanted);
    spec.healthCheckNodePort = held
      ? wanted
      : this.#port('spec.healthCheckNodePort', wanted, attempt);
  }

  /** Reserves a chosen port, or any free one. @throws {StatusError} */
  #port(path: string, wanted: number | undefined, { name, undo }: Attempt): number {
    if (wanted === undefined) {
      const number = this.#ports.take();
      if (number === undefined) {
        throw new StatusError(
          500,
          'InternalError',
          'Internal error occurred: failed to allocate a nodePort: range is full',
        );
      }
      undo.push(() => this.#ports.release(number));
      return number;
    }
    const outcome = this.#ports.claim(wanted);
    if (outcome !== 'ok') {
      const detail =
        outcome === 'in-use'
          ? 'provided port is already allocated'
          : `provided port is not in the valid range. The range of valid ports is ${this.#ports.text}`;
      throw statusError.invalid(SERVICES, name, [field.invalid(path, wanted, detail)]);
    }
    undo.push(() => this.#ports.release(wanted));
    return wanted;
  }
}

interface Attempt {
  readonly name: string;
  readonly undo: (() => void)[];
}

function clusterIps(spec: Spec): readonly string[] {
  return (spec.clusterIPs ?? []).filter((ip) => ip !== 'None');
}

function nodePorts(spec: Spec): readonly number[] {
  const ofPorts = (spec.ports ?? []).map(({ nodePort }) => nodePort);
  return [...ofPorts, spec.healthCheckNodePort].flatMap((port) => port || []);
}

function hasValue(map: ReadonlyMap<number, number>, value: number): boolean {
  return [...map.values()].includes(value);
}
