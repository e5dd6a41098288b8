import type { Service } from '@nodeagent/kube-client';

import { canonicalCidr, canonicalIp, familyOf, IP_FAMILIES, type IpFamily } from './address.js';

/** Protocols of Service ports. */
export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** An absent protocol means TCP. */
export function isProtocol(text: string | undefined): text is Protocol | undefined {
  return text === undefined || text === 'TCP' || text === 'UDP' || text === 'SCTP';
}

const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const NAME = /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/;

/**
 * True for a port name; empty for the only, unnamed port. Names become parts of rules, so no other
 * text is accepted.
 */
export function isPortName(name: unknown): name is string {
  return typeof name === 'string' && (name === '' || LABEL.test(name));
}

/**
 * Returns `namespace/name`. An API server checks names, but they become parts of rules here, so
 * they are checked again.
 *
 * @throws {TypeError} when one of them is not a valid name
 */
export function serviceKey(namespace: unknown, name: unknown): string {
  for (const part of [namespace, name]) {
    if (typeof part === 'string' && NAME.test(part)) continue;
    throw new TypeError(
      `${(JSON.stringify(part) as string | undefined)?.slice(0, 64)} is not a name of a namespace or Service`,
    );
  }
  return `${namespace as string}/${name as string}`;
}

export function isPortNumber(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536;
}

/** One port of one Service in one address family: everything that forwarding depends on. */
export interface ServicePort {
  /** `namespace/name`. */
  readonly service: string;
  /** `namespace/name` or `namespace/name:port`, for display and for derived names. */
  readonly label: string;
  /** Empty for the only, unnamed port. */
  readonly portName: string;
  readonly protocol: Protocol;
  readonly clusterIp: string;
  readonly port: number;
  /** 0 when there is none. */
  readonly nodePort: number;
  /** How long one client keeps its endpoint; undefined without affinity. */
  readonly affinitySeconds: number | undefined;
  readonly externalIps: readonly string[];
  /** Load balancer addresses that packets still have as destination when they reach the node. */
  readonly loadBalancerIps: readonly string[];
  /** Sources that may use the load balancer addresses; everyone when empty. */
  readonly sourceRanges: readonly string[];
  /** 0 when there is none. */
  readonly healthCheckNodePort: number;
  /** Traffic from outside goes to endpoints on this node only. */
  readonly externalLocal: boolean;
  /** Traffic to the cluster IP goes to endpoints on this node only. */
  readonly internalLocal: boolean;
}

/** The ports of a Service in each family that it has addresses of. */
export type ServicePorts = Readonly<Record<IpFamily, readonly ServicePort[]>>;

/** API default of sessionAffinityConfig.clientIP.timeoutSeconds. */
const DEFAULT_AFFINITY_SECONDS = 10_800;
/** A day. @see Kubernetes 1.36 pkg/apis/core/types.go, MaxClientIPServiceAffinitySeconds */
const MAX_AFFINITY_SECONDS = 86_400;

/**
 * Returns a port's identity. It includes the protocol, so that one port name may serve TCP and UDP.
 */
export function servicePortKey(port: Pick<ServicePort, 'label' | 'protocol'>): string {
  return `${port.label}/${port.protocol}`;
}

export function isExternallyReachable(port: ServicePort): boolean {
  return port.nodePort !== 0 || port.loadBalancerIps.length > 0 || port.externalIps.length > 0;
}

/** True when some of the port's traffic may go to endpoints anywhere. */
export function usesClusterEndpoints(port: ServicePort): boolean {
  return !port.internalLocal || isExternallyReachable(port);
}

/** True when some of the port's traffic may only go to endpoints on this node. */
export function usesLocalEndpoints(port: ServicePort): boolean {
  return port.internalLocal || (port.externalLocal && isExternallyReachable(port));
}

/**
 * Keeps the needed part of a Service: nothing for headless and ExternalName ones. Every value has
 * its declared type, whatever the API server sent.
 *
 * @throws {TypeError} when the object does not have the API's types
 * @see Kubernetes 1.36 pkg/proxy/serviceport.go, pkg/proxy/util/utils.go
 */
export function projectService(service: Service): ServicePorts {
  const [v4, v6] = IP_FAMILIES.map((family) => portsOf(service, family));
  return { IPv4: v4 ?? [], IPv6: v6 ?? [] };
}

function portsOf({ metadata, spec, status }: Service, family: IpFamily): ServicePort[] {
  if (spec === undefined || spec.type === 'ExternalName') return [];
  const clusterIp = clusterIpOf(spec, family);
  if (clusterIp === undefined) return [];
  const service = serviceKey(metadata?.namespace, metadata?.name);
  const externalIps = ofFamily(spec.externalIPs ?? [], family);
  const isLoadBalancer = spec.type === 'LoadBalancer';
  const takesOutside =
    isLoadBalancer ||
    spec.type === 'NodePort' ||
    (spec.externalIPs !== undefined && spec.externalIPs.length > 0);
  const externalLocal = spec.externalTrafficPolicy === 'Local' && takesOutside;
  const shared = {
    service,
    clusterIp,
    affinitySeconds: affinityOf(spec),
    externalIps,
    loadBalancerIps: loadBalancerIpsOf(status, family),
    sourceRanges: sourceRangesOf(spec.loadBalancerSourceRanges ?? [], family),
    healthCheckNodePort: isLoadBalancer && externalLocal ? portOrNone(spec.healthCheckNodePort) : 0,
    externalLocal,
    internalLocal: spec.internalTrafficPolicy === 'Local',
  };
  return (spec.ports ?? []).flatMap(({ name = '', port, protocol, nodePort }) => {
    if (!isProtocol(protocol) || !isPortNumber(port) || !isPortName(name)) return [];
    return {
      ...shared,
      label: labelOf(service, name),
      portName: name,
      protocol: protocol ?? 'TCP',
      port,
      nodePort: portOrNone(nodePort),
    };
  });
}

function portOrNone(port = 0): number {
  return isPortNumber(port) ? port : 0;
}

type Spec = NonNullable<Service['spec']>;

function labelOf(service: string, portName = ''): string {
  return portName === '' ? service : `${service}:${portName}`;
}

function clusterIpOf(spec: Spec, family: IpFamily): string | undefined {
  if (spec.clusterIP === undefined || spec.clusterIP === '' || spec.clusterIP === 'None') {
    return undefined;
  }
  const { ipFamilies = [], clusterIPs = [] } = spec;
  const text = ipFamilies.length === 0 ? spec.clusterIP : clusterIPs[ipFamilies.indexOf(family)];
  const ip = text === undefined ? undefined : canonicalIp(text);
  return ip !== undefined && familyOf(ip) === family ? ip : undefined;
}

function affinityOf(spec: Spec): number | undefined {
  if (spec.sessionAffinity !== 'ClientIP') return undefined;
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS;
  const isSane = Number.isInteger(seconds) && seconds > 0 && seconds <= MAX_AFFINITY_SECONDS;
  return isSane ? seconds : DEFAULT_AFFINITY_SECONDS;
}

function ofFamily(ips: readonly string[], family: IpFamily): string[] {
  const own = ips.flatMap((text) => {
    const ip = canonicalIp(text);
    return ip !== undefined && familyOf(ip) === family ? [ip] : [];
  });
  return own.length > 1 ? [...new Set(own)] : own;
}

function loadBalancerIpsOf(status: Service['status'], family: IpFamily): string[] {
  const ingress = status?.loadBalancer?.ingress ?? [];
  const arriving = ingress.filter(({ ipMode }) => ipMode === undefined || ipMode === 'VIP');
  return ofFamily(
    arriving.flatMap(({ ip }) => (ip === undefined ? [] : [ip])),
    family,
  );
}

function sourceRangesOf(ranges: readonly string[], family: IpFamily): string[] {
  const cidrs = ranges.flatMap((text) => canonicalCidr(text.trim()) ?? []);
  const own = cidrs.filter((cidr) => familyOf(cidr) === family);
  return own.some((cidr) => cidr.endsWith('/0')) ? [] : own;
}
