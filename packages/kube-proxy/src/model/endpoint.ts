import { parseTimestamp } from '@nodeagent/base';
import {
  asWritten,
  type Endpoint as WireEndpoint,
  type EndpointSlice,
} from '@nodeagent/kube-client';

import { canonicalIp, hostPort, type IpFamily, isUsableEndpointIp } from './address.js';
import { isPortName, isPortNumber, isProtocol, type Protocol, serviceKey } from './service.js';

/** Nodes and zones that an endpoint should serve. */
export interface Hints {
  readonly zones: readonly string[];
  readonly nodes: readonly string[];
}

/**
 * Bits of {@link Endpoint.state}: one number instead of four fields, because there are hundreds of
 * thousands of endpoints.
 */
export const READY = 1;
/** Bit of {@link Endpoint.state}: it passes its readiness probe, even while it terminates. */
export const SERVING = 2;
/** Bit of {@link Endpoint.state}: its pod is being deleted. */
export const TERMINATING = 4;
/** The endpoint is on this node. */
export const LOCAL = 8;

/** One server behind a Service port, in the few bytes that thousands of them may take. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  /** Sum of {@link READY}, {@link SERVING}, {@link TERMINATING}, {@link LOCAL}. */
  readonly state: number;
  readonly hints: Hints | undefined;
}

/** True if all of these bits are set in the endpoint's state. */
export function has(endpoint: Endpoint, bits: number): boolean {
  return (endpoint.state & bits) === bits;
}

/** Returns the endpoint's identity and sort key: `10.0.0.1:80`, `[fd00::1]:80`. */
export function endpointText({ ip, port }: Endpoint): string {
  return hostPort(ip, port);
}

/** A port of an EndpointSlice; its name joins it to a port of the Service. */
export interface SlicePort {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
}

/**
 * The kept part of an EndpointSlice, in parallel lists, so that an endpoint costs a few dozen
 * bytes.
 */
export interface Slice {
  /** `namespace/name` of the Service. */
  readonly service: string;
  readonly family: IpFamily;
  readonly ports: readonly SlicePort[];
  readonly ips: readonly string[];
  /** State bits of each address. */
  readonly states: Uint8Array;
  /** Absent when no endpoint has hints. */
  readonly hints: readonly (Hints | undefined)[] | undefined;
  /** Time of the change that led to this slice, milliseconds since the Unix epoch. */
  readonly changedAtMs: number | undefined;
}

const SERVICE_NAME = 'kubernetes.io/service-name';
const CHANGED_AT = 'endpoints.kubernetes.io/last-change-trigger-time';

/**
 * Keeps the needed part of a slice. Leaves out addresses that nothing may be forwarded to. Every
 * value has its declared type, whatever the API server sent.
 *
 * @param nodeName this node: endpoints on it become {@link LOCAL}
 * @returns undefined for slices that belong to no Service or hold host names
 * @throws {TypeError} when the object does not have the API's types
 */
export function projectSlice(slice: EndpointSlice, nodeName: string): Slice | undefined {
  const { metadata, addressType } = slice;
  const name = metadata?.labels?.[SERVICE_NAME];
  if (name === undefined || name === '' || metadata?.namespace === undefined) return undefined;
  if (addressType !== 'IPv4' && addressType !== 'IPv6') return undefined;
  const changedAt = metadata.annotations?.[CHANGED_AT];
  const ips: string[] = [];
  const kept: WireEndpoint[] = [];
  const { endpoints = [] } = slice;
  if (!Array.isArray(endpoints)) throw new TypeError('endpoints: expected a list');
  for (const endpoint of endpoints) {
    const ip = canonicalIp(firstAddress(endpoint) ?? '');
    if (ip === undefined || !isUsableEndpointIp(ip, addressType)) continue;
    ips.push(ip);
    kept.push(endpoint);
  }
  return {
    service: serviceKey(metadata.namespace, name),
    family: addressType,
    ports: (slice.ports ?? []).flatMap(({ name: portName, port, protocol }) => {
      if (!isPortName(portName) || port === undefined || !isPortNumber(port)) return [];
      return isProtocol(protocol) ? [{ name: portName, port, protocol: protocol ?? 'TCP' }] : [];
    }),
    ips,
    states: Uint8Array.from(kept, (endpoint) => stateOf(endpoint, nodeName)),
    hints: hintsOf(kept),
    changedAtMs: changedAt === undefined ? undefined : parseTimestamp(changedAt),
  };
}

/**
 * Returns the first address, the only one that counts. Undefined when a server sends
 * `"addresses": null`, or none.
 */
export function firstAddress(endpoint: WireEndpoint): string | undefined {
  return asWritten(endpoint).addresses?.[0];
}

/** True when every endpoint and port was kept, so that a search for problems can be skipped. */
export function isWhole({ endpoints = [], ports }: EndpointSlice, kept: Slice): boolean {
  return kept.ips.length === endpoints.length && kept.ports.length === (ports ?? []).length;
}

function stateOf({ conditions, nodeName }: WireEndpoint, thisNode: string): number {
  return (
    (conditions?.ready === false ? 0 : READY) |
    (conditions?.serving === false ? 0 : SERVING) |
    (conditions?.terminating === true ? TERMINATING : 0) |
    (nodeName !== undefined && nodeName === thisNode ? LOCAL : 0)
  );
}

function hintsOf(endpoints: readonly WireEndpoint[]): (Hints | undefined)[] | undefined {
  if (endpoints.every(({ hints }) => hints === undefined)) return undefined;
  const shared = new Map<string, Hints>();
  return endpoints.map(({ hints }) => {
    if (hints === undefined) return undefined;
    const zones = namesOf(hints.forZones ?? []);
    const nodes = namesOf(hints.forNodes ?? []);
    const key = `${zones.join()};${nodes.join()}`;
    const same = shared.get(key) ?? { zones, nodes };
    shared.set(key, same);
    return same;
  });
}

function namesOf(hints: readonly { readonly name?: unknown }[]): readonly string[] {
  return hints.flatMap(({ name }) => (typeof name === 'string' ? [name] : []));
}

export function sameSlice(a: Slice, b: Slice): boolean {
  return (
    a.service === b.service &&
    a.ips.length === b.ips.length &&
    a.ips.every((ip, i) => ip === b.ips[i]) &&
    a.states.every((state, i) => state === b.states[i]) &&
    JSON.stringify([a.ports, a.hints]) === JSON.stringify([b.ports, b.hints])
  );
}
