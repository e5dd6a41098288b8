import type { Container } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import type { PodAction } from '../../../src/pod/index.js';
import type { PodAllocation } from '../../../src/pod/model/allocation.js';
import { aContainer, anObservation, aPod, aSandbox, exited } from '../../../src/testing/index.js';
import { DEFAULT_CRASH_LOOP_RULES, planPod } from '../../../src/workers/index.js';

type Parts = Partial<Container>;

interface Case {
  readonly name: string;
  readonly containers: readonly Parts[];
  readonly init?: readonly Parts[];
  readonly whole?: Container['resources'];
  readonly has: PodAllocation | undefined;
  readonly ended?: true;
  readonly want: readonly string[];
}

const res = (cpu: string, memory: string): NonNullable<Container['resources']> => ({
  requests: { cpu, memory },
  limits: { cpu, memory },
});
const app = (resources: Container['resources'], more: Parts = {}): Parts => ({
  name: 'app',
  image: 'app:1',
  ...(resources && { resources }),
  ...more,
});
const has = (containers: PodAllocation['containers'], pod?: PodAllocation['pod']) => ({
  containers,
  ...(pod && { pod }),
});
const restart = (resourceName: string) => ({
  resizePolicy: [{ resourceName, restartPolicy: 'RestartContainer' }],
});

const cases: readonly Case[] = [
  {
    name: 'nothing if it has its allocation, in any notation',
    containers: [app(res('1', '1Gi'))],
    has: has({ app: res('1000m', '1024Mi') }),
    want: [],
  },
  {
    name: 'nothing if its resources are unknown',
    containers: [app(res('2', '1Gi'))],
    has: undefined,
    want: [],
  },
  {
    name: 'nothing for an unknown container',
    containers: [app(res('2', '1Gi'), restart('cpu'))],
    has: has({ other: res('1', '1Gi') }),
    want: [],
  },
  {
    name: 'only the changed resource',
    containers: [app(res('2', '1Gi'))],
    has: has({ app: res('1', '1Gi') }),
    want: ['resize memory [] cpu [app]'],
  },
  {
    name: 'a request alone',
    containers: [app({ requests: { cpu: '100m', memory: '64Mi' } })],
    has: has({ app: { requests: { cpu: '100m', memory: '32Mi' } } }),
    want: ['resize memory [app] cpu []'],
  },
  {
    name: 'decreases before increases, for each resource separately',
    containers: [
      app(res('2', '1Gi'), { name: 'app' }),
      app(res('1', '2Gi'), { name: 'side', image: 'side:1' }),
    ],
    has: has({ app: res('1', '2Gi'), side: res('2', '1Gi') }),
    want: ['resize memory [app side] cpu [side app]'],
  },
  {
    name: 'a restart if the policy requires one, and the pod around it',
    containers: [app(res('2', '1Gi'), restart('cpu'))],
    has: has({ app: res('1', '1Gi') }),
    want: ['stop app', 'resize memory [] cpu []', 'start app'],
  },
  {
    name: 'no restart because of the other resource’s policy',
    containers: [app(res('2', '1Gi'), restart('memory'))],
    has: has({ app: res('1', '1Gi') }),
    want: ['resize memory [] cpu [app]'],
  },
  {
    name: 'only a start for an ended container',
    containers: [app(res('2', '1Gi'))],
    has: has({ app: res('1', '1Gi') }),
    ended: true,
    want: ['start app'],
  },
  {
    name: 'pod-level resources, and with them the limit of a container that has none',
    containers: [app({ requests: { cpu: '1' } })],
    whole: { limits: { cpu: '4' } },
    has: has({ app: { requests: { cpu: '1' }, limits: { cpu: '2' } } }, { limits: { cpu: '2' } }),
    want: ['resize memory [] cpu [app]'],
  },
  {
    name: 'a sidecar like any other container',
    containers: [app(res('1', '1Gi'))],
    init: [app(res('2', '1Gi'), { name: 'car', image: 'car:1', restartPolicy: 'Always' })],
    has: has({ app: res('1', '1Gi'), car: res('1', '1Gi') }),
    want: ['resize memory [] cpu [car]'],
  },
  {
    name: 'a sidecar is restarted if its policy requires that',
    containers: [app(res('1', '1Gi'))],
    init: [
      app(res('2', '1Gi'), {
        name: 'car',
        image: 'car:1',
        restartPolicy: 'Always',
        ...restart('cpu'),
      }),
    ],
    has: has({ app: res('1', '1Gi'), car: res('1', '1Gi') }),
    want: ['stop car', 'start car', 'resize memory [] cpu []'],
  },
  {
    name: 'nothing yet for a sidecar that must restart, and has not started',
    containers: [],
    init: [
      app(res('2', '1Gi'), {
        name: 'car',
        image: 'car:1',
        restartPolicy: 'Always',
        startupProbe: { exec: { command: ['true'] } },
        ...restart('cpu'),
      }),
    ],
    has: has({ car: res('1', '1Gi') }),
    want: [],
  },
];

describe('a plan for a resize', () => {
  it.each(cases)('$name', ({ containers, init, whole, has: actuated, ended, want }) => {
    const pod = aPod({
      containers,
      ...(init && { initContainers: init }),
      ...(whole && { resources: whole }),
    });
    const seen = anObservation(
      [aSandbox()],
      [...containers, ...(init ?? [])].map(({ name = '' }) =>
        aContainer({ name, ...(ended && { state: exited(1) }) }),
      ),
    );
    const plan = planPod(pod, seen, {
      nowMs: 20_000,
      crashLoops: new Map(),
      crashLoopRules: DEFAULT_CRASH_LOOP_RULES,
      probes: new Map(),
      actuated,
    });
    expect(plan.map(words)).toEqual(want);
  });

  it('lists each change with its container', () => {
    const pod = aPod({ containers: [app(res('2', '2Gi'))] });
    const seen = anObservation([aSandbox()], [aContainer()]);
    const [step] = planPod(pod, seen, {
      nowMs: 20_000,
      crashLoops: new Map(),
      crashLoopRules: DEFAULT_CRASH_LOOP_RULES,
      probes: new Map(),
      actuated: has({ app: res('2', '1Gi') }),
    });
    expect(step?.why).toBe(
      'resources changed, app: memoryRequestBytes 1073741824 to 2147483648, ' +
        'memoryLimitBytes 1073741824 to 2147483648',
    );
  });
});

function words(action: PodAction): string {
  if (action.kind !== 'resize-pod') {
    return `${action.kind.split('-')[0] ?? ''} ${'name' in action ? action.name : ''}`;
  }
  const names = (of: typeof action.cpu): string => of.map(({ name }) => name).join(' ');
  return `resize memory [${names(action.memory)}] cpu [${names(action.cpu)}]`;
}
