import type { Deployment, Node, Pod, ReplicaSet, Service } from '@nodeagent/kube-client';

import type { View } from '../../../src/controllers/model/view.js';

export const NOW = Date.UTC(2026, 0, 1);

export interface PodShape {
  readonly node?: string;
  readonly labels?: Record<string, string>;
  readonly ready?: boolean;
  readonly ip?: string;
  readonly phase?: string;
  readonly deleting?: boolean;
  readonly owner?: { readonly kind: string; readonly uid: string };
  readonly spec?: object;
  readonly created?: string;
}

export function aPod(name: string, shape: PodShape = {}): Pod {
  const { node, labels, ready, ip, phase, deleting, owner, spec, created } = shape;
  return {
    metadata: {
      namespace: 'a',
      name,
      uid: `uid-${name}`,
      creationTimestamp: created ?? '2025-12-31T00:00:00Z',
      ...(labels === undefined ? {} : { labels }),
      ...(deleting === true ? { deletionTimestamp: '2025-12-31T00:00:00Z' } : {}),
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'apps/v1', name: 'x', controller: true, ...owner }] }),
    },
    spec: { containers: [], ...(node === undefined ? {} : { nodeName: node }), ...spec },
    status: {
      phase: phase ?? (node === undefined ? 'Pending' : 'Running'),
      ...(ip === undefined ? {} : { podIP: ip, podIPs: ip.split(',').map((one) => ({ ip: one })) }),
      ...(ready === undefined
        ? {}
        : {
            conditions: [
              {
                type: 'Ready',
                status: ready ? 'True' : 'False',
                lastTransitionTime: '2025-12-31T00:00:00Z',
              },
            ],
          }),
    },
  };
}

export function aNode(
  name: string,
  more: { spec?: Node['spec']; labels?: Record<string, string> } = {},
): Node {
  return {
    metadata: { name, uid: `uid-${name}`, ...(more.labels ? { labels: more.labels } : {}) },
    spec: more.spec ?? {},
    status: {
      allocatable: { cpu: '2', memory: '4Gi', pods: '10' },
      conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2025-12-31T00:00:00Z' }],
    },
  };
}

export function aReplicaSet(
  name: string,
  replicas: number,
  more: Partial<ReplicaSet> = {},
): ReplicaSet {
  return {
    metadata: { namespace: 'a', name, uid: `uid-${name}`, generation: 1 },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [] } },
    },
    ...more,
  };
}

export function aDeployment(replicas: number, spec: Partial<Deployment['spec']> = {}): Deployment {
  return {
    metadata: { namespace: 'a', name: 'web', uid: 'uid-web', generation: 1 },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [] } },
      ...spec,
    },
  };
}

export function aService(spec: Partial<Service['spec']> = {}): Service {
  return {
    metadata: { namespace: 'a', name: 'web', uid: 'uid-svc' },
    spec: {
      selector: { app: 'web' },
      ipFamilies: ['IPv4'],
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
      ...spec,
    },
  };
}

type Lists = {
  readonly [Name in keyof View]?: View[Name] extends ReadonlyMap<string, infer T>
    ? readonly T[]
    : never;
};

export function aView(lists: Lists): View {
  const map = (objects: readonly { metadata?: { namespace?: string; name?: string } }[] = []) =>
    new Map(
      objects.map((object) => {
        const { namespace, name = '' } = object.metadata ?? {};
        return [namespace === undefined ? name : `${namespace}/${name}`, object];
      }),
    );
  const names = [
    'pods',
    'nodes',
    'services',
    'endpointSlices',
    'deployments',
    'replicaSets',
    'namespaces',
    'serviceAccounts',
    'configMaps',
    'leases',
    'signingRequests',
    'daemonSets',
    'statefulSets',
    'persistentVolumes',
    'persistentVolumeClaims',
    'storageClasses',
    'volumeAttachments',
    'csiDrivers',
    'csiNodes',
  ] as const;
  return Object.fromEntries(names.map((name) => [name, map(lists[name])])) as unknown as View;
}
