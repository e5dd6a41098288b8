import type { EndpointSlice } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import type { Action } from '../../../src/controllers/model/action.js';
import { planEndpoints } from '../../../src/controllers/plan/endpoints.js';
import { aNode, aPod, aService, aView, type PodShape } from './builders.js';

const labels = { app: 'web' };

function ready(name: string, ip: string, more: PodShape = {}) {
  return aPod(name, { labels, node: 'n1', ready: true, ip, ...more });
}

/** Describes an action: `create IPv4 10.0.0.1 ready` … per endpoint. */
function described(action: Action): string {
  if (action.kind === 'delete') return `delete ${action.name.name}`;
  if (action.kind !== 'create' && action.kind !== 'replace') return action.kind;
  const slice = action.object as EndpointSlice;
  const endpoints = (slice.endpoints ?? []).map(({ addresses, conditions }) => {
    const flags = Object.entries(conditions ?? {}).flatMap(([flag, on]) => (on ? [flag] : []));
    return `${addresses.join()} ${flags.join('+') || 'no'}`;
  });
  const ports = (slice.ports ?? []).map(({ port }) => port).join();
  return `${action.kind} ${slice.addressType} :${ports} [${endpoints.join('; ')}]`;
}

function plan(
  service: ReturnType<typeof aService>,
  pods: ReturnType<typeof aPod>[],
  slices: EndpointSlice[] = [],
) {
  const nodes = [aNode('n1', { labels: { 'topology.kubernetes.io/zone': 'z1' } })];
  return planEndpoints(aView({ services: [service], pods, nodes, endpointSlices: slices })).actions;
}

/** Returns the objects that the server stores after a plan. */
function stored(
  actions: readonly Action[],
  before: readonly EndpointSlice[] = [],
): EndpointSlice[] {
  const slices = new Map(before.map((slice) => [slice.metadata?.name ?? '', slice]));
  actions.forEach((action, i) => {
    if (action.kind === 'delete') slices.delete(action.name.name);
    if (action.kind !== 'create' && action.kind !== 'replace') return;
    const object = action.object as EndpointSlice;
    const name = object.metadata?.name ?? `${object.metadata?.generateName}${slices.size}${i}`;
    slices.set(name, { ...object, metadata: { ...object.metadata, name, uid: `uid-${name}` } });
  });
  return [...slices.values()];
}

describe(planEndpoints, () => {
  it.each<[string, Parameters<typeof aService>[0], ReturnType<typeof aPod>[], string[]]>([
    ['a ready pod', {}, [ready('p', '10.0.0.1')], ['create IPv4 :8080 [10.0.0.1 ready+serving]']],
    ['no pod', {}, [], ['create IPv4 : []']],
    ['a pod without address', {}, [aPod('p', { labels, node: 'n1' })], ['create IPv4 : []']],
    [
      'a pod that is not ready',
      {},
      [ready('p', '10.0.0.1', { ready: false })],
      ['create IPv4 :8080 [10.0.0.1 no]'],
    ],
    [
      'a terminating pod',
      {},
      [ready('p', '10.0.0.1', { deleting: true })],
      ['create IPv4 :8080 [10.0.0.1 serving+terminating]'],
    ],
    ['a finished pod', {}, [ready('p', '10.0.0.1', { phase: 'Failed' })], ['create IPv4 : []']],
    ['another pod', {}, [ready('p', '10.0.0.1', { labels: { app: 'db' } })], ['create IPv4 : []']],
    [
      'publishNotReadyAddresses',
      { publishNotReadyAddresses: true },
      [ready('p', '10.0.0.1', { ready: false })],
      ['create IPv4 :8080 [10.0.0.1 ready]'],
    ],
    [
      'both families',
      { ipFamilies: ['IPv6', 'IPv4'] },
      [ready('p', '10.0.0.1,fd00::1'), ready('q', '10.0.0.2')],
      [
        'create IPv6 :8080 [fd00::1 ready+serving]',
        'create IPv4 :8080 [10.0.0.1 ready+serving; 10.0.0.2 ready+serving]',
      ],
    ],
    [
      'ports by name, which pods may number differently',
      { ports: [{ port: 80, targetPort: 'http' }] },
      [
        ready('p', '10.0.0.1', {
          spec: { containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 1 }] }] },
        }),
        ready('q', '10.0.0.2', {
          spec: { containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 2 }] }] },
        }),
      ],
      ['create IPv4 :1 [10.0.0.1 ready+serving]', 'create IPv4 :2 [10.0.0.2 ready+serving]'],
    ],
    ['an external name', { type: 'ExternalName' }, [ready('p', '10.0.0.1')], []],
    ['no selector', { selector: undefined as never }, [ready('p', '10.0.0.1')], []],
  ])('%s', (_, spec, pods, expected) => {
    expect(plan(aService(spec), pods).map(described)).toEqual(expected);
  });

  it("describes an endpoint's place and target", () => {
    const pod = ready('p', '10.0.0.1', { spec: { hostname: 'h', subdomain: 'web' } });
    const [action] = plan(aService({ clusterIP: 'None' }), [pod]);
    expect((action as unknown as { object: EndpointSlice }).object).toMatchObject({
      metadata: {
        generateName: 'web-',
        labels: {
          'kubernetes.io/service-name': 'web',
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
          'service.kubernetes.io/headless': '',
        },
        ownerReferences: [{ kind: 'Service', uid: 'uid-svc', controller: true }],
      },
      endpoints: [
        {
          nodeName: 'n1',
          zone: 'z1',
          hostname: 'h',
          targetRef: { kind: 'Pod', namespace: 'a', name: 'p', uid: 'uid-p' },
        },
      ],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    });
  });

  it('plans nothing more once the slices are stored', () => {
    const pods = [ready('p', '10.0.0.1'), ready('q', '10.0.0.2')];
    const slices = stored(plan(aService(), pods));
    expect(plan(aService(), pods, slices)).toEqual([]);
    const none = stored(plan(aService(), []));
    expect(plan(aService(), [], none)).toEqual([]);
  });

  it('puts a hundred into a slice, and changes only the slice of a pod that changes', () => {
    const pods = Array.from({ length: 250 }, (_, i) =>
      ready(`p${1000 + i}`, `10.0.${i >> 8}.${i & 255}`),
    );
    const slices = stored(plan(aService(), pods));
    expect(slices.map(({ endpoints }) => endpoints?.length)).toEqual([100, 100, 50]);
    const fewer = pods.filter((_, i) => i !== 150);
    const actions = plan(aService(), fewer, slices);
    expect(actions.map(({ kind }) => kind)).toEqual(['replace']);
    const after = stored(actions, slices);
    expect(after.map(({ endpoints }) => endpoints?.length)).toEqual([100, 99, 50]);
    const more = plan(aService(), [...fewer, ready('new', '10.9.9.9')], after);
    expect(more.map(({ kind }) => kind)).toEqual(['replace']);
  });

  it('drops slices that are empty or whose Service is gone, and leaves slices of others', () => {
    const pods = Array.from({ length: 101 }, (_, i) => ready(`p${1000 + i}`, `10.0.0.${i}`));
    const slices = stored(plan(aService(), pods));
    expect(plan(aService(), pods.slice(0, 1), slices).map(({ kind }) => kind)).toEqual([
      'replace',
      'delete',
    ]);
    const foreign = {
      ...slices[0]!,
      metadata: { namespace: 'a', name: 'x', labels: { 'kubernetes.io/service-name': 'gone' } },
    };
    const orphaned = planEndpoints(aView({ endpointSlices: [...slices, foreign] })).actions;
    expect(orphaned.map(({ kind }) => kind)).toEqual(['delete', 'delete']);
  });
});
