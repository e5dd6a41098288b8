import {
  type Endpoint,
  ENDPOINT_SLICES,
  type EndpointSlice,
  type Node,
  type Pod,
  type Service,
} from '@nodeagent/kube-client';

import type { Action, Plan } from '../model/action.js';
import type { View } from '../model/view.js';
import { groupBy, isDeleting, isFinished, isReady, nameOf, sorted, uidOf } from './objects.js';
import { canonical } from './template-hash.js';

type SlicePorts = NonNullable<EndpointSlice['ports']>;

const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const MANAGER = 'endpointslice-controller.k8s.io';
const SERVICE_NAME = 'kubernetes.io/service-name';
const HEADLESS = 'service.kubernetes.io/headless';
const ZONE = 'topology.kubernetes.io/zone';
const MAX_ENDPOINTS = 100;

/**
 * Plans the EndpointSlices of Services with a selector: one group of slices per IP family and set
 * of target ports, with at most 100 endpoints per slice. An endpoint stays in its slice as long as
 * it exists, so that one pod's change changes one slice.
 *
 * @see Kubernetes 1.36 endpointslice/reconciler.go
 */
export function planEndpoints(view: View): Plan {
  const slices = groupBy(view.endpointSlices.values(), (slice) => {
    const { namespace, labels = {} } = slice.metadata ?? {};
    return labels[MANAGED_BY] === MANAGER ? `${namespace}/${labels[SERVICE_NAME]}` : undefined;
  });
  const podsOf = podsByLabel(view.pods.values());
  const actions: Action[] = [];
  for (const service of sorted(view.services.values())) {
    const { namespace = '', name = '' } = service.metadata ?? {};
    const key = `${namespace}/${name}`;
    const existing = slices.get(key) ?? [];
    slices.delete(key);
    if (isDeleting(service) || service.spec?.selector === undefined) continue;
    if (service.spec.type === 'ExternalName') continue;
    const groups = endpointGroups(service, podsOf(service), view.nodes);
    actions.push(...reconcile(service, groups, existing));
  }
  for (const slice of [...slices.values()].flat())
    actions.push(remove(slice, 'its Service is gone'));
  return { actions };
}

interface Group {
  readonly addressType: string;
  readonly ports: SlicePorts;
  readonly endpoints: Endpoint[];
}

/** Indexes pods by each of their labels, so that a Service does not search all of them. */
function podsByLabel(pods: Iterable<Pod>): (service: Service) => readonly Pod[] {
  const index = new Map<string, Pod[]>();
  for (const pod of sorted(pods)) {
    const { namespace, labels = {} } = pod.metadata ?? {};
    for (const [name, value] of Object.entries(labels)) {
      const key = `${namespace}/${name}=${value}`;
      const list = index.get(key);
      if (list === undefined) index.set(key, [pod]);
      else list.push(pod);
    }
  }
  return ({ metadata, spec }) => {
    const lists = Object.entries(spec?.selector ?? {}).map(
      ([name, value]) => index.get(`${metadata?.namespace}/${name}=${value}`) ?? [],
    );
    const [first = [], ...others] = lists.sort((a, b) => a.length - b.length);
    const rest = others.map((list) => new Set(list));
    return first.filter((pod) => rest.every((set) => set.has(pod)));
  };
}

function endpointGroups(
  service: Service,
  pods: readonly Pod[],
  nodes: ReadonlyMap<string, Node>,
): readonly Group[] {
  const families = service.spec?.ipFamilies ?? ['IPv4'];
  const groups = new Map<string, Group>();
  for (const pod of pods) {
    if (isFinished(pod)) continue;
    for (const addressType of families) {
      const address = addressOf(pod, addressType);
      if (address === undefined) continue;
      const ports = portsOf(service, pod);
      const key = `${addressType} ${canonical(ports)}`;
      const group = groups.get(key) ?? { addressType, ports, endpoints: [] };
      groups.set(key, group);
      group.endpoints.push(endpointOf(service, pod, { address, nodes }));
    }
  }
  // A Service without endpoints still has one slice per family, which shows that there are none.
  for (const addressType of families) {
    const covered = [...groups.values()].some((group) => group.addressType === addressType);
    if (!covered) groups.set(addressType, { addressType, ports: [], endpoints: [] });
  }
  return [...groups.values()];
}

function addressOf({ status }: Pod, addressType: string): string | undefined {
  const addresses = [...(status?.podIPs ?? []).map(({ ip }) => ip), status?.podIP ?? ''];
  return addresses.find((ip) => ip !== '' && ip.includes(':') === (addressType === 'IPv6'));
}

/** Returns the ports as the pod serves them; leaves out a port whose name the pod does not have. */
function portsOf(service: Service, pod: Pod): SlicePorts {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = targetPort(port, pod);
    if (number === undefined) return [];
    const { name = '', protocol = 'TCP', appProtocol } = port;
    const whole = { name, port: number, protocol };
    return [appProtocol === undefined ? whole : { ...whole, appProtocol }];
  });
}

function targetPort(
  {
    targetPort: target,
    port,
    protocol = 'TCP',
  }: NonNullable<NonNullable<Service['spec']>['ports']>[number],
  { spec }: Pod,
): number | undefined {
  const wanted: unknown = target ?? port;
  if (typeof wanted === 'number') return wanted === 0 ? port : wanted;
  const sidecars = (spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  return [...(spec?.containers ?? []), ...sidecars]
    .flatMap(({ ports = [] }) => ports)
    .find((known) => known.name === wanted && (known.protocol ?? 'TCP') === protocol)
    ?.containerPort;
}

function endpointOf(
  service: Service,
  pod: Pod,
  { address, nodes }: { readonly address: string; readonly nodes: ReadonlyMap<string, Node> },
): Endpoint {
  const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
  const { nodeName, hostname, subdomain } = pod.spec ?? {};
  const serving = isReady(pod);
  const terminating = isDeleting(pod);
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const zone = nodes.get(nodeName ?? '')?.metadata?.labels?.[ZONE];
  const named = hostname !== undefined && hostname !== '' && subdomain === service.metadata?.name;
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(zone === undefined ? {} : { zone }),
    ...(named ? { hostname } : {}),
  };
}

function reconcile(
  service: Service,
  groups: readonly Group[],
  existing: readonly EndpointSlice[],
): readonly Action[] {
  const unused = new Set(existing.filter((slice) => !isDeleting(slice)));
  const actions = groups.flatMap((group) => {
    const mine = sorted(unused).filter(
      (slice) =>
        slice.addressType === group.addressType &&
        (canonical(slice.ports) === canonical(group.ports) || (slice.endpoints ?? []).length === 0),
    );
    return fill(service, group, { mine, unused });
  });
  return [...actions, ...[...unused].map((slice) => remove(slice, 'no longer needed'))];
}

/** Keeps endpoints in their slices, then fills gaps, then creates new slices. */
function fill(
  service: Service,
  group: Group,
  {
    mine,
    unused,
  }: { readonly mine: readonly EndpointSlice[]; readonly unused: Set<EndpointSlice> },
): readonly Action[] {
  const left = new Map(group.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const kept = mine.map((slice) => {
    const endpoints = (slice.endpoints ?? []).flatMap((endpoint) => {
      const now = left.get(endpointKey(endpoint));
      left.delete(endpointKey(endpoint));
      return now === undefined ? [] : [now];
    });
    return { slice, endpoints };
  });
  const homeless = [...left.values()];
  for (const { endpoints } of kept)
    endpoints.push(...homeless.splice(0, MAX_ENDPOINTS - endpoints.length));
  const wantsOne = group.endpoints.length === 0;
  const actions: Action[] = [];
  let have = 0;
  for (const { slice, endpoints } of kept) {
    if (endpoints.length === 0 && !(wantsOne && have === 0)) continue;
    have += 1;
    unused.delete(slice);
    const wanted = sliceOf(service, group, endpoints);
    const same = canonical(comparable(slice)) === canonical(comparable(wanted));
    if (!same) {
      const object = { ...wanted, metadata: { ...slice.metadata, ...wanted.metadata } };
      actions.push({
        kind: 'replace',
        resource: ENDPOINT_SLICES,
        object,
        why: 'endpoints changed',
      });
    }
  }
  while (homeless.length > 0 || (wantsOne && have === 0)) {
    have += 1;
    const slice = sliceOf(service, group, homeless.splice(0, MAX_ENDPOINTS));
    const { name = '' } = service.metadata ?? {};
    const object = { ...slice, metadata: { ...slice.metadata, generateName: `${name}-` } };
    actions.push({ kind: 'create', resource: ENDPOINT_SLICES, object, why: 'more endpoints' });
  }
  return actions;
}

function endpointKey({ addresses, targetRef }: Endpoint): string {
  return `${targetRef?.uid ?? ''} ${addresses[0]}`;
}

function sliceOf(
  service: Service,
  { addressType, ports }: Group,
  endpoints: Endpoint[],
): EndpointSlice {
  const { namespace = '', name = '', uid = '', labels = {} } = service.metadata ?? {};
  const headless = service.spec?.clusterIP === 'None' ? { [HEADLESS]: '' } : {};
  const owner = { apiVersion: 'v1', kind: 'Service', name, uid };
  return {
    metadata: {
      namespace,
      labels: { ...labels, ...headless, [SERVICE_NAME]: name, [MANAGED_BY]: MANAGER },
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
    },
    addressType,
    endpoints,
    ports,
  };
}

function comparable({ metadata, endpoints, ports }: EndpointSlice): unknown {
  return { labels: metadata?.labels, endpoints, ports };
}

function remove(slice: EndpointSlice, why: string): Action {
  const options = { uid: uidOf(slice) };
  return { kind: 'delete', resource: ENDPOINT_SLICES, name: nameOf(slice), options, why };
}
