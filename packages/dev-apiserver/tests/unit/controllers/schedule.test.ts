import { describe, expect, it } from 'vitest';

import { planSchedule } from '../../../src/controllers/plan/schedule.js';
import { aNode, aPod, aView, NOW, type PodShape } from './builders.js';

const taint = (key: string, effect = 'NoSchedule') => ({ key, effect });
const requests = (list: Record<string, string>) => ({
  spec: { containers: [{ name: 'c', resources: { requests: list } }] },
});
const hostPort = (port: number, hostIP?: string) => ({
  spec: { containers: [{ name: 'c', ports: [{ containerPort: 1, hostPort: port, hostIP }] }] },
});
const affinity = (key: string, operator: string, values?: string[]) => ({
  spec: {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }],
        },
      },
    },
  },
});

/** Returns the node of one new pod, or the reason why it has none. */
function outcome(pod: PodShape, nodes = [aNode('n1')], pods = [aPod('other')].slice(1)): string {
  const { actions } = planSchedule(aView({ nodes, pods: [...pods, aPod('new', pod)] }), NOW);
  return actions
    .map((action) =>
      action.kind === 'bind'
        ? action.node
        : (action as { event?: { message: string } }).event?.message,
    )
    .join('; ');
}

describe(planSchedule, () => {
  it.each<[string, PodShape, ReturnType<typeof aNode>[], string]>([
    ['takes a node that fits', {}, [aNode('n1')], 'n1'],
    ['has no nodes', {}, [], 'no nodes available to schedule pods'],
    [
      'obeys a taint',
      {},
      [aNode('n1', { spec: { taints: [taint('k')] } })],
      '0/1 nodes are available: 1 node(s) had untolerated taint {k: }.',
    ],
    [
      'tolerates a taint',
      { spec: { tolerations: [{ key: 'k', operator: 'Exists' }] } },
      [aNode('n1', { spec: { taints: [taint('k')] } })],
      'n1',
    ],
    [
      'ignores a soft taint',
      {},
      [aNode('n1', { spec: { taints: [taint('k', 'PreferNoSchedule')] } })],
      'n1',
    ],
    [
      'obeys cordon',
      {},
      [aNode('n1', { spec: { unschedulable: true } })],
      '0/1 nodes are available: 1 node(s) were unschedulable.',
    ],
    [
      'obeys the node selector',
      { spec: { nodeSelector: { disk: 'ssd' } } },
      [aNode('n1'), aNode('n2', { labels: { disk: 'ssd' } })],
      'n2',
    ],
    [
      'obeys required affinity',
      affinity('zone', 'NotIn', ['b']),
      [aNode('n1', { labels: { zone: 'b' } }), aNode('n2')],
      'n2',
    ],
    [
      'cannot satisfy affinity',
      affinity('zone', 'Exists'),
      [aNode('n1')],
      "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
    ],
    [
      'counts CPU',
      requests({ cpu: '2001m' }),
      [aNode('n1')],
      '0/1 nodes are available: 1 Insufficient cpu.',
    ],
    [
      'counts memory',
      requests({ memory: '5Gi' }),
      [aNode('n1'), aNode('n2')],
      '0/2 nodes are available: 2 Insufficient memory.',
    ],
    [
      'counts extended resources',
      requests({ 'example.com/gpu': '1' }),
      [aNode('n1')],
      '0/1 nodes are available: 1 Insufficient example.com/gpu.',
    ],
    ['waits for its gates', { spec: { schedulingGates: [{ name: 'x' }] } }, [aNode('n1')], ''],
    ['leaves pods of other schedulers', { spec: { schedulerName: 'mine' } }, [aNode('n1')], ''],
    ['leaves deleted pods', { deleting: true }, [aNode('n1')], ''],
  ])('%s', (_, pod, nodes, expected) => {
    expect(outcome(pod, nodes)).toBe(expected);
  });

  it.each<[string, PodShape, PodShape, boolean]>([
    ['the same port', hostPort(80), hostPort(80), false],
    ['another port', hostPort(80), hostPort(81), true],
    ['other addresses', hostPort(80, '10.0.0.1'), hostPort(80, '10.0.0.2'), true],
    ['all addresses', hostPort(80, '10.0.0.1'), hostPort(80), false],
  ])('host ports: %s', (_, taken, wanted, fits) => {
    const there = aPod('there', { ...taken, node: 'n1' });
    expect(outcome(wanted, [aNode('n1')], [there]) === 'n1').toBe(fits);
  });

  it('forgets finished pods', () => {
    const done = aPod('done', { ...requests({ cpu: '2' }), node: 'n1', phase: 'Succeeded' });
    expect(outcome(requests({ cpu: '2' }), [aNode('n1')], [done])).toBe('n1');
  });

  it('counts init containers and sidecars as they run', () => {
    const cpu = (name: string, value: string, more = {}) => ({
      name,
      resources: { requests: { cpu: value } },
      ...more,
    });
    const spec = (init: string) => ({
      spec: {
        containers: [cpu('app', '1')],
        initContainers: [cpu('side', '500m', { restartPolicy: 'Always' }), cpu('init', init)],
      },
    });
    expect(outcome(spec('1500m'))).toBe('n1');
    expect(outcome(spec('1501m'))).toContain('Insufficient cpu');
  });

  it('spreads replicas of one owner, and within one plan', () => {
    const owner = { kind: 'ReplicaSet', uid: 'rs' };
    const nodes = ['n1', 'n2', 'n3'].map((name) => aNode(name));
    const full = aPod('full', { node: 'n3', ...requests({ cpu: '1' }) });
    const pods = [full, ...['p1', 'p2', 'p3', 'p4'].map((name) => aPod(name, { owner }))];
    const { actions } = planSchedule(aView({ nodes, pods }), NOW);
    const where = actions.map((action) => (action.kind === 'bind' ? action.node : '?'));
    expect(where).toEqual(['n1', 'n2', 'n3', 'n1']);
  });

  it('reports the reason for waiting only once', () => {
    const view = aView({ pods: [aPod('new')] });
    const [action] = planSchedule(view, NOW).actions;
    expect(action).toMatchObject({
      kind: 'patch',
      subresource: 'status',
      body: {
        status: {
          conditions: [
            {
              type: 'PodScheduled',
              status: 'False',
              reason: 'Unschedulable',
              lastTransitionTime: '2026-01-01T00:00:00Z',
            },
          ],
        },
      },
      event: { reason: 'FailedScheduling', type: 'Warning' },
    });
    const { status } = (action as { body: { status: object } }).body;
    const reported = { ...aPod('new'), status };
    expect(planSchedule(aView({ pods: [reported] }), NOW).actions).toEqual([]);
  });
});
