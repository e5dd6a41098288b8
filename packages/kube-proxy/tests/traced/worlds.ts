import type { EndpointSlice, Service } from '@nodeagent/kube-client';
import fc from 'fast-check';

import { type IpFamily, parseProxyConfig, type ProxyMode } from '../../src/index.js';
import { buildView, type ExplainInput, type TracePacket } from '../../src/plan/explain/index.js';
import { aService, aSlice, type EndpointSketch } from '../../src/testing/builders.js';
import { packet, packetOf } from './packets.js';
import { nodePortOf, PLACES, type Places, SERVICE_PORTS } from './places.js';

/** A node with a configuration, the Services of its cluster, and packets for it. */
export interface TracedWorld {
  readonly input: ExplainInput;
  /** Content of the configuration file, for the message of a failure. */
  readonly settings: object;
  readonly packets: readonly TracePacket[];
}

/**
 * Worlds of one mode and family: small, with few addresses and ports, so that these often coincide.
 */
export function worlds(mode: ProxyMode, family: IpFamily): fc.Arbitrary<TracedWorld> {
  const places = PLACES[family];
  return fc
    .record({
      settings: settings(places),
      services: fc.array(service(places), { minLength: 1, maxLength: 4 }),
      serviceCidrs: fc.constantFrom([], [places.serviceCidr]),
      packets: fc.array(packet, { minLength: PACKETS, maxLength: PACKETS }),
    })
    .map(({ settings: given, services: sketches, serviceCidrs, packets }) => {
      const { config } = parseProxyConfig({ mode, ...given }, 'generated');
      const services = sketches.map((one, i) => serviceOf(one, i, places));
      const slices = sketches.map((one, i) => sliceOf(one, i));
      const topology = { nodeName: NODE, zone: ZONE };
      const view = buildView({ services, slices, serviceCidrs }, family, topology);
      const { node: addresses, podCidrs } = places;
      const node = { name: NODE, zone: ZONE, addresses, podCidrs };
      const input = { config, view, family, node };
      return {
        input,
        settings: given,
        packets: packets.map((one) => packetOf(one, sketches, places)),
      };
    });
}

/** Number of packets in each world. */
export const PACKETS = 16;

const NODE = 'node-a';
const ZONE = 'zone-a';

function settings({ clusterCidr, nodePortAddresses }: Places): fc.Arbitrary<object> {
  const pods = fc.constantFrom(
    { clusterCIDR: clusterCidr },
    { clusterCIDR: '' },
    { detectLocalMode: 'NodeCIDR' },
    { detectLocalMode: 'BridgeInterface', detectLocal: { bridgeInterface: 'pod-a' } },
    { detectLocalMode: 'InterfaceNamePrefix', detectLocal: { interfaceNamePrefix: 'pod' } },
  );
  return fc
    .record({
      pods,
      nodePortAddresses: fc.constantFrom(...nodePortAddresses),
      masqueradeAll: rarely,
      localhostNodePorts: fc.boolean(),
    })
    .map(({ pods: detection, nodePortAddresses: on, masqueradeAll, localhostNodePorts }) => ({
      ...detection,
      nodePortAddresses: on,
      iptables: { masqueradeAll, localhostNodePorts },
      nftables: { masqueradeAll },
    }));
}

const rarely = fc.nat(3).map((n) => n === 0);
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;

export type ServiceSketch = ReturnType<typeof service> extends fc.Arbitrary<infer T> ? T : never;

function service(places: Places) {
  return fc.record({
    type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'LoadBalancer'),
    ports: fc.uniqueArray(
      fc.record({
        port: fc.constantFrom(...SERVICE_PORTS),
        protocol: fc.constantFrom('TCP', 'TCP', ...PROTOCOLS),
      }),
      { minLength: 1, maxLength: 2, selector: ({ port, protocol }) => `${port}${protocol}` },
    ),
    externalIPs: fc.subarray([...places.external], { maxLength: 2 }),
    ingress: fc.array(
      fc.record({
        ip: fc.constantFrom(...places.balancers),
        ipMode: fc.constantFrom('VIP', 'VIP', 'Proxy'),
      }),
      { maxLength: 2 },
    ),
    sourceRanges: fc.oneof(fc.constant([]), fc.subarray([...places.sourceRanges])),
    affinity: rarely,
    externalLocal: fc.boolean(),
    internalLocal: rarely,
    endpoints: fc.uniqueArray(endpoint(places), { maxLength: 4, selector: ({ ip }) => ip }),
  });
}

/** Pods are recognised by their place; their state in the Service varies. */
function endpoint({ endpoints }: Places): fc.Arbitrary<EndpointSketch> {
  const state = fc.constantFrom(
    {},
    {},
    {},
    { ready: false },
    { ready: false, serving: true, terminating: true },
    { ready: false, serving: false, terminating: true },
  );
  const hints = fc.constantFrom(
    {},
    {},
    {},
    { zones: [ZONE] },
    { zones: ['zone-b'] },
    { zones: ['zone-b'], nodes: [NODE] },
  );
  return fc
    .record({ place: fc.constantFrom(...endpoints), state, hints })
    .map(({ place, ...rest }) => {
      const nodeName = place.here ? NODE : 'node-b';
      return { ip: place.ip, nodeName, ...rest.state, ...rest.hints };
    });
}

const nameOf = (i: number): string => `default/service-${i}`;

function serviceOf(sketch: ServiceSketch, i: number, { clusterIp, family }: Places): Service {
  const { type, ports, externalIPs, ingress, affinity } = sketch;
  const balanced = type === 'LoadBalancer' ? { ingress } : {};
  const isOutside = type !== 'ClusterIP' || externalIPs.length > 0;
  const spec = {
    type,
    clusterIP: clusterIp(i),
    clusterIPs: [clusterIp(i)],
    ipFamilies: [family],
    externalIPs,
    internalTrafficPolicy: sketch.internalLocal ? 'Local' : 'Cluster',
    ...(isOutside && { externalTrafficPolicy: sketch.externalLocal ? 'Local' : 'Cluster' }),
    ...(affinity && { sessionAffinity: 'ClientIP' }),
    ...(type === 'LoadBalancer' && { loadBalancerSourceRanges: [...sketch.sourceRanges] }),
    ...(type === 'LoadBalancer' && sketch.externalLocal && { healthCheckNodePort: 31_000 + i }),
    ports: ports.map(({ port, protocol }, at) => ({
      name: `p${at}`,
      port,
      protocol,
      ...(type !== 'ClusterIP' && { nodePort: nodePortOf(i, at) }),
    })),
  };
  return aService(nameOf(i), spec, balanced);
}

function sliceOf({ ports, endpoints }: ServiceSketch, i: number): EndpointSlice {
  const named = ports.map(({ protocol }, at) => ({ name: `p${at}`, port: 8080 + at, protocol }));
  return aSlice(nameOf(i), named, endpoints);
}
