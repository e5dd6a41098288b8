import type { EndpointSlice, Service } from '@nodeagent/kube-client';

import type { IpFamily } from '../model/address.js';
import { projectSlice } from '../model/endpoint.js';
import { projectService } from '../model/service.js';
import type { Topology } from '../plan/categorize-endpoints.js';
import { NodeViewBuilder } from '../plan/node-view.js';
import { ChangeTracker } from '../plan/track-changes.js';

type Spec = NonNullable<Service['spec']>;

/** A ClusterIP Service as the API server would send it. */
export function aService(
  name: string,
  spec: Spec,
  loadBalancer: NonNullable<Service['status']>['loadBalancer'] = {},
): Service {
  const [namespace, serviceName] = splitName(name);
  const clusterIPs = spec.clusterIP === undefined ? [] : [spec.clusterIP];
  const families = { clusterIPs, ipFamilies: clusterIPs.map(familyName) };
  return {
    metadata: { namespace, name: serviceName },
    spec: { type: 'ClusterIP', internalTrafficPolicy: 'Cluster', ...families, ...spec },
    status: { loadBalancer },
  };
}

/** An endpoint in as few words as a test needs; ready and serving unless it says otherwise. */
export interface EndpointSketch {
  readonly ip: string;
  readonly nodeName?: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
  readonly zones?: readonly string[];
  readonly nodes?: readonly string[];
}

/** A slice of a Service's endpoints; a text stands for a ready endpoint on no node. */
export function aSlice(
  service: string,
  ports: EndpointSlice['ports'],
  endpoints: readonly (EndpointSketch | string)[],
): EndpointSlice {
  const [namespace, name] = splitName(service);
  const sketches = endpoints.map((one) => (typeof one === 'string' ? { ip: one } : one));
  return {
    metadata: {
      namespace,
      name: `${name}-1`,
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: familyName(sketches[0]?.ip ?? ''),
    ports: ports ?? [],
    endpoints: sketches.map((sketch) => {
      const { ip, nodeName, ready = true, serving = ready, terminating = false } = sketch;
      const hints = {
        ...(sketch.zones && { forZones: sketch.zones.map((zone) => ({ name: zone })) }),
        ...(sketch.nodes && { forNodes: sketch.nodes.map((node) => ({ name: node })) }),
      };
      return {
        addresses: [ip],
        conditions: { ready, serving, terminating },
        ...(nodeName === undefined ? {} : { nodeName }),
        ...(Object.keys(hints).length > 0 ? { hints } : {}),
      };
    }),
  };
}

/** Objects that change, and the view that the proxy builds of them. */
export interface Cluster {
  readonly tracker: ChangeTracker;
  readonly builder: NodeViewBuilder;
  readonly put: (object: Service | EndpointSlice) => void;
  readonly remove: (object: Service | EndpointSlice) => void;
}

/** The brain of one family, which takes API objects directly. */
export function aCluster(
  objects: readonly (Service | EndpointSlice)[],
  {
    family = 'IPv4',
    topology = { nodeName: 'node-a', zone: undefined },
  }: Readonly<{ family?: IpFamily; topology?: Topology }> = {},
): Cluster {
  const tracker = new ChangeTracker(0);
  const builder = new NodeViewBuilder(tracker, family, topology);
  const nameOf = ({ metadata }: Service | EndpointSlice): string =>
    `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
  const put = (object: Service | EndpointSlice): void => {
    const name = nameOf(object);
    if (!isSlice(object)) tracker.setService(name, projectService(object)[family]);
    else if (familyMatches(object, family)) {
      tracker.setSlice(name, projectSlice(object, topology.nodeName));
    }
  };
  const remove = (object: Service | EndpointSlice): void => {
    if (isSlice(object)) tracker.setSlice(nameOf(object), undefined);
    else tracker.setService(nameOf(object), []);
  };
  for (const object of objects) put(object);
  return { tracker, builder, put, remove };
}

function isSlice(object: Service | EndpointSlice): object is EndpointSlice {
  return 'addressType' in object;
}

function familyMatches(slice: EndpointSlice, family: IpFamily): boolean {
  return slice.addressType === family;
}

function familyName(ip: string): IpFamily {
  return ip.includes(':') ? 'IPv6' : 'IPv4';
}

function splitName(name: string): [namespace: string, name: string] {
  const [namespace = '', rest = ''] = name.split('/');
  return [namespace, rest];
}
