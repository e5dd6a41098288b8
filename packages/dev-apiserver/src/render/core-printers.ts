import { type ApiObject, listAt, textAt, valueAt } from '../model/object.js';
import { AGE, type Column, NAME, orNoneAt, SELECTOR, text } from './columns.js';
import { orNone, since } from './human.js';
import { summarizePod } from './pod-cells.js';

export const PODS: readonly Column[] = [
  NAME,
  { name: 'Ready', cell: (pod, nowMs) => summarizePod(pod, nowMs).ready },
  { name: 'Status', cell: (pod, nowMs) => summarizePod(pod, nowMs).status },
  { name: 'Restarts', cell: (pod, nowMs) => summarizePod(pod, nowMs).restarts },
  AGE,
  { name: 'IP', priority: 1, cell: (pod) => orNone(textAt(listAt(pod, 'status.podIPs')[0], 'ip')) },
  orNoneAt('Node', 'spec.nodeName', 1),
  orNoneAt('Nominated Node', 'status.nominatedNodeName', 1),
  {
    name: 'Readiness Gates',
    priority: 1,
    cell: (pod) => {
      const gates = listAt(pod, 'spec.readinessGates');
      const conditions = listAt(pod, 'status.conditions');
      const open = gates.filter((gate) =>
        conditions.some(({ type, status }) => type === gate['conditionType'] && status === 'True'),
      );
      return gates.length === 0 ? '<none>' : `${open.length}/${gates.length}`;
    },
  },
];

function nodeStatus(node: ApiObject): string {
  const ready = listAt(node, 'status.conditions').find(({ type }) => type === 'Ready');
  const word = ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady';
  return valueAt(node, 'spec.unschedulable') === true ? `${word},SchedulingDisabled` : word;
}

function nodeRoles({ metadata }: ApiObject): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(prefix) && key.length > prefix.length) return [key.slice(prefix.length)];
    return key === 'kubernetes.io/role' && value !== '' ? [value] : [];
  });
  return orNone([...new Set(roles)].sort().join(','));
}

function nodeAddress(name: string, type: string): Column {
  const find = (node: ApiObject): string => {
    const found = listAt(node, 'status.addresses').find((address) => address['type'] === type);
    return orNone(textAt(found, 'address'));
  };
  return { name, priority: 1, cell: find };
}

function nodeInfo(name: string, field: string): Column {
  const path = `status.nodeInfo.${field}`;
  return { name, priority: 1, cell: (node) => textAt(node, path) || '<unknown>' };
}

export const NODES: readonly Column[] = [
  NAME,
  { name: 'Status', cell: nodeStatus },
  { name: 'Roles', cell: nodeRoles },
  AGE,
  text('Version', 'status.nodeInfo.kubeletVersion'),
  nodeAddress('Internal-IP', 'InternalIP'),
  nodeAddress('External-IP', 'ExternalIP'),
  nodeInfo('OS-Image', 'osImage'),
  nodeInfo('Kernel-Version', 'kernelVersion'),
  nodeInfo('Container-Runtime', 'containerRuntimeVersion'),
];

function externalIp(service: ApiObject): string {
  if (textAt(service, 'spec.type') === 'ExternalName') return textAt(service, 'spec.externalName');
  const own = valueAt(service, 'spec.externalIPs');
  const ingress = listAt(service, 'status.loadBalancer.ingress').map(
    (entry) => textAt(entry, 'ip') || textAt(entry, 'hostname'),
  );
  const all = [...ingress, ...(Array.isArray(own) ? own.map(String) : [])];
  if (all.length > 0) return all.join(',');
  return textAt(service, 'spec.type') === 'LoadBalancer' ? '<pending>' : '<none>';
}

function servicePorts(service: ApiObject): string {
  const ports = listAt(service, 'spec.ports').map((entry) => {
    const nodePort = textAt(entry, 'nodePort');
    const node = nodePort === '' ? '' : `:${nodePort}`;
    return `${textAt(entry, 'port')}${node}/${textAt(entry, 'protocol')}`;
  });
  return orNone(ports.join(','));
}

export const SERVICES: readonly Column[] = [
  NAME,
  text('Type', 'spec.type'),
  orNoneAt('Cluster-IP', 'spec.clusterIP'),
  { name: 'External-IP', cell: externalIp },
  { name: 'Port(s)', cell: servicePorts },
  AGE,
  SELECTOR,
];

export function shortList(items: readonly string[]): string {
  if (items.length <= 3) return items.length === 0 ? '<unset>' : items.join(',');
  return `${items.slice(0, 3).join(',')} + ${items.length - 3} more...`;
}

export const ENDPOINT_SLICES: readonly Column[] = [
  NAME,
  text('AddressType', 'addressType'),
  {
    name: 'Ports',
    cell: (slice) => {
      const ports = listAt(slice, 'ports').map((entry) => textAt(entry, 'port') || '*');
      return shortList(ports);
    },
  },
  {
    name: 'Endpoints',
    cell: (slice) => {
      const addresses = listAt(slice, 'endpoints').flatMap((endpoint) => {
        const own = endpoint['addresses'];
        return Array.isArray(own) ? own.map(String) : [];
      });
      return shortList(addresses);
    },
  },
  AGE,
];

function lastSeen(event: ApiObject, nowMs: number): string {
  const times = [
    'series.lastObservedTime',
    'lastTimestamp',
    'eventTime',
    'metadata.creationTimestamp',
  ];
  const found = times.find((path) => textAt(event, path) !== '');
  return found === undefined ? '<unknown>' : since(event, found, nowMs);
}

export const EVENTS: readonly Column[] = [
  { name: 'Last Seen', cell: lastSeen },
  text('Type', 'type'),
  text('Reason', 'reason'),
  {
    name: 'Object',
    cell: (event) => {
      const name = textAt(event, 'involvedObject.name');
      return `${textAt(event, 'involvedObject.kind').toLowerCase()}/${name}`;
    },
  },
  text('Subobject', 'involvedObject.fieldPath', 1),
  {
    name: 'Source',
    priority: 1,
    cell: (event) => {
      const component = textAt(event, 'source.component') || textAt(event, 'reportingComponent');
      const host = textAt(event, 'source.host') || textAt(event, 'reportingInstance');
      return host === '' ? component : `${component}, ${host}`;
    },
  },
  { name: 'Message', cell: (event) => textAt(event, 'message').trim() },
  {
    name: 'First Seen',
    priority: 1,
    cell: (event, nowMs) =>
      textAt(event, 'firstTimestamp') === ''
        ? lastSeen(event, nowMs)
        : since(event, 'firstTimestamp', nowMs),
  },
  {
    name: 'Count',
    priority: 1,
    type: 'integer',
    cell: (event) => Number(valueAt(event, 'count') ?? 1),
  },
  { ...NAME, priority: 1 },
];
