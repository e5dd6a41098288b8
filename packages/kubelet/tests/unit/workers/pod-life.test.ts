import { describe, expect, it } from 'vitest';

import { containerGraceSeconds, podGraceSeconds } from '../../../src/pod/plan/grace.js';
import { aContainer, anObservation, aPod, aSandbox, exited } from '../../../src/testing/index.js';
import {
  LIFE_EDGES,
  NEW_LIFE,
  nextLife,
  type PodLife,
  type PodLifeEvent,
} from '../../../src/workers/model/pod-life.js';
import { stopOrder } from '../../../src/workers/plan/stop-order.js';

const stop = (graceSeconds: number): PodLifeEvent => ({
  kind: 'stop',
  reason: 'deleted',
  graceSeconds,
});

describe(nextLife, () => {
  const cases: readonly { name: string; events: readonly PodLifeEvent[]; want: string }[] = [
    { name: 'lives', events: [{ kind: 'all-stopped' }, { kind: 'cleaned-up' }], want: 'syncing' },
    { name: 'is stopped', events: [stop(30)], want: 'terminating 30' },
    { name: 'accepts a shorter grace period', events: [stop(30), stop(5)], want: 'terminating 5' },
    { name: 'ignores a longer grace period', events: [stop(5), stop(30)], want: 'terminating 5' },
    {
      name: 'cannot be cleaned up before it has stopped',
      events: [stop(5), { kind: 'cleaned-up' }],
      want: 'terminating 5',
    },
    {
      name: 'has stopped',
      events: [stop(5), { kind: 'all-stopped' }, stop(1)],
      want: 'terminated',
    },
    {
      name: 'is finished',
      events: [stop(5), { kind: 'all-stopped' }, { kind: 'cleaned-up' }, stop(1)],
      want: 'finished',
    },
  ];
  it.each(cases)('$name', ({ events, want }) => {
    const life = events.reduce(nextLife, NEW_LIFE);
    expect(life.kind === 'terminating' ? `terminating ${life.graceSeconds}` : life.kind).toBe(want);
  });
});

describe('LIFE_EDGES', () => {
  const order = ['syncing', 'terminating', 'terminated', 'finished'];
  const lives: readonly PodLife[] = [
    NEW_LIFE,
    { kind: 'terminating', graceSeconds: 9, reason: 'evicted' },
    { kind: 'terminated', reason: 'evicted' },
    { kind: 'finished', reason: 'evicted' },
  ];
  const events = [stop(5), { kind: 'all-stopped' }, { kind: 'cleaned-up' }] as const;
  const pairs = lives.flatMap((life) => events.map((event) => ({ life, event })));

  it.each(pairs)('$life.kind, $event.kind: forward by one step, or not at all', (pair) => {
    const { life, event } = pair;
    const next = nextLife(life, event);
    const edges: Partial<Record<string, string>> = LIFE_EDGES[life.kind];
    expect(next.kind).toBe(edges[event.kind] ?? life.kind);
    expect(order.indexOf(next.kind) - order.indexOf(life.kind)).toBeOneOf([0, 1]);
    // The first reason for stopping a pod remains.
    if (life.kind !== 'syncing') expect(next).toMatchObject({ reason: 'evicted' });
  });
});

describe(podGraceSeconds, () => {
  const deleted = (seconds: number) =>
    aPod({ metadata: { name: 'web', deletionGracePeriodSeconds: seconds } });
  it.each([
    ['of its spec', aPod({ terminationGracePeriodSeconds: 12 }), undefined, 12],
    ['of its deletion', deleted(7), undefined, 7],
    ['the least of both', deleted(7), 3, 3],
    ['0 does not count', deleted(0), undefined, 30],
    ['at least 1', aPod({ terminationGracePeriodSeconds: 0 }), undefined, 1],
  ])('%s', (_, pod, override, want) => {
    expect(podGraceSeconds(pod, override)).toBe(want);
  });
});

describe(containerGraceSeconds, () => {
  it('is the probe’s own if that probe failed', () => {
    const pod = aPod({ containers: [{ livenessProbe: { terminationGracePeriodSeconds: 4 } }] });
    expect(containerGraceSeconds(pod, 'app', 'liveness')).toBe(4);
    expect(containerGraceSeconds(pod, 'app', 'startup')).toBe(30);
    expect(containerGraceSeconds(pod, 'app')).toBe(30);
  });
});

describe(stopOrder, () => {
  it('makes sidecars wait for all later containers', () => {
    const pod = aPod({
      initContainers: [
        { name: 's1', restartPolicy: 'Always' },
        { name: 's2', restartPolicy: 'Always' },
      ],
    });
    const seen = anObservation(
      [aSandbox()],
      [
        aContainer(),
        aContainer({ name: 's2' }),
        aContainer({ name: 's1' }),
        aContainer({ id: 'old', state: exited(1) }),
      ],
    );
    const order = stopOrder(pod, seen).map(({ container, after }) => [container.id, after]);
    expect(Object.fromEntries(order)).toEqual({
      'app-0': [],
      's2-0': ['app-0'],
      's1-0': ['app-0', 's2-0'],
    });
  });
});
