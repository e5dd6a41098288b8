import type { KubeObject, Pod } from '@nodeagent/kube-client';
import type { Dice } from '@nodeagent/testbed/chance';

/** Makes objects as the API accepts them: with nulls where Go writes them. */
export type Manifest = KubeObject & Readonly<Record<string, unknown>>;

/**
 * The expected fate of a pod; its name begins with it, so that a log line shows the expectation.
 */
export const POD_KINDS = [
  'serves',
  'serves',
  'configured',
  'crashes',
  'ends',
  'fails',
  'stubborn',
  'unready',
  'condemned',
  'initless',
  'hookless',
  'imageless',
  'lost',
] as const;
export type PodKind = (typeof POD_KINDS)[number];

/** Pods of the kind `configured` mount this config map and this secret. */
export const CONTENT = 'content';
const APPS = ['a', 'b', 'c', 'd'];
const WEB = { image: 'nodeagent.test/web:1', imagePullPolicy: 'Never' as const };

interface Where {
  readonly name: string;
  readonly namespace: string;
  readonly nodeName: string;
}

type Spec = NonNullable<Pod['spec']>;
type Container = Spec['containers'][number];

export function randomPod(dice: Dice, kind: PodKind, where: Where): Pod {
  const { name, namespace, nodeName } = where;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: dice.pick(APPS) } },
    spec: { nodeName, terminationGracePeriodSeconds: dice.between(1, 3), ...specOf(dice, kind) },
  };
}

function specOf(dice: Dice, kind: PodKind): Spec {
  const restartPolicy = 'Never';
  switch (kind) {
    case 'serves':
      return { containers: [web(dice)] };
    case 'configured':
      return configured(dice);
    case 'crashes':
      return { containers: [shell(`sleep ${dice.between(0, 3)}; exit 3`)] };
    case 'ends':
      return { restartPolicy, containers: [shell(`sleep ${dice.between(0, 3)}`)] };
    case 'fails':
      return { restartPolicy, containers: [shell('exit 1'), { ...web(dice), name: 'other' }] };
    case 'stubborn':
      return { containers: [shell("trap '' TERM; while :; do sleep 1; done")] };
    case 'unready':
      return { containers: [{ ...web(dice), readinessProbe: failing() }] };
    case 'condemned':
      return { containers: [{ ...web(dice), livenessProbe: failing() }] };
    case 'initless': {
      const init = { ...shell('exit 4'), name: 'init' };
      return { initContainers: [init], containers: [web(dice)] };
    }
    case 'hookless': {
      const preStop = { exec: { command: ['false'] } };
      return { containers: [{ ...web(dice), lifecycle: { preStop } }] };
    }
    case 'imageless':
      return { containers: [{ ...web(dice), image: 'nodeagent.test/nowhere:1' }] };
    case 'lost': {
      const volume = { name: 'lost', configMap: { name: 'nowhere' } };
      return { volumes: [volume], containers: [mounting(web(dice), 'lost')] };
    }
  }
}

function web(dice: Dice): Container {
  const httpGet = { path: '/healthz', port: 8080 };
  const readinessProbe = { httpGet, periodSeconds: 1, timeoutSeconds: 30 };
  return { name: 'main', ...WEB, ...(dice.oneIn(2) && { readinessProbe }) };
}

function shell(script: string): Container {
  const command = ['sh', '-c', script];
  return { name: 'main', image: 'nodeagent.test/busybox:1', imagePullPolicy: 'Never', command };
}

function failing(): NonNullable<Container['livenessProbe']> {
  return { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 2 };
}

function mounting(container: Container, volume: string): Container {
  return { ...container, volumeMounts: [{ name: volume, mountPath: `/${volume}` }] };
}

/** Sources of every kind of content; the token of the account is added automatically. */
function configured(dice: Dice): Spec {
  const labels = { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } };
  const sources = [
    { configMap: { name: CONTENT } },
    { secret: { name: CONTENT } },
    { downwardAPI: { items: [labels] } },
    { serviceAccountToken: { path: 'token', expirationSeconds: 600 } },
  ];
  const volumes: Spec['volumes'] = [
    { name: 'all', projected: { sources } },
    { name: 'memory', emptyDir: { medium: 'Memory' } },
  ];
  return { volumes, containers: [mounting(web(dice), dice.pick(['all', 'memory']))] };
}

/**
 * A Service that selects one of the pods' labels, a label of no pod, or has slices made by hand;
 * never with all fields.
 */
export function randomService(dice: Dice, name: string): Manifest {
  const port = { port: dice.between(1, 1000), targetPort: 8080 };
  const udp = { name: 'udp', protocol: 'UDP', port: 53, targetPort: dice.pick([53, 'dns']) };
  const ports = dice.oneIn(3) ? [{ name: 'tcp', ...port }, udp] : [port];
  const selector = dice.pick([{ app: dice.pick(APPS) }, { app: 'nobody' }, undefined]);
  const type = dice.pick(['ClusterIP', 'ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']);
  const spec =
    type === 'ExternalName'
      ? { type, externalName: 'elsewhere.example' }
      : {
          type,
          ports,
          ...(selector && { selector }),
          ...(type === 'ClusterIP' && dice.oneIn(3) && { clusterIP: 'None' }),
          ...(type !== 'ClusterIP' && { externalTrafficPolicy: dice.pick(['Local', 'Cluster']) }),
          ...(dice.oneIn(4) && { sessionAffinity: 'ClientIP' }),
          ...(dice.oneIn(4) && { internalTrafficPolicy: 'Local' }),
        };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
}

/** A hand-made slice, as different from a controller's as the API allows. */
export function randomSlice(dice: Dice, name: string, service: string): Manifest {
  const addressType = dice.pick(['IPv4', 'IPv4', 'IPv6', 'FQDN']);
  const address = { IPv4: '10.99.0.1', IPv6: 'fd00::99', FQDN: 'elsewhere.example' }[addressType];
  const endpoints = dice.pick([
    null,
    [],
    [{ addresses: [address] }],
    [{ addresses: [address], conditions: { ready: false, serving: true, terminating: true } }],
    [{ addresses: [address], conditions: {}, hints: { forZones: [{ name: 'z' }] } }],
  ]);
  const ports = dice.pick([null, [], [{ port: 8080 }], [{ name: 'tcp', port: null }]]);
  const labels = { 'kubernetes.io/service-name': service };
  const kind = 'EndpointSlice';
  const metadata = { name, labels };
  return { apiVersion: 'discovery.k8s.io/v1', kind, metadata, addressType, endpoints, ports };
}
