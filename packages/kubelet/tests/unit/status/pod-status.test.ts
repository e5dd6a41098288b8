import type { ContainerStatus, Pod, PodStatus } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import type { ContainerRunState } from '../../../src/pod/index.js';
import { podStatus, type StatusInput } from '../../../src/status/index.js';
import {
  aContainer,
  anObservation,
  aPod,
  aSandbox,
  exited,
  running,
} from '../../../src/testing/index.js';

const NOW_MS = Date.UTC(2026, 0, 1);
const NOW = '2026-01-01T00:00:00Z';

function statusOf(parts: Partial<StatusInput>): PodStatus {
  return podStatus({
    pod: aPod(),
    previous: {},
    seen: anObservation(),
    probes: new Map(),
    waiting: new Map(),
    terminal: false,
    verdict: undefined,
    hostIps: ['10.0.0.1'],
    nowMs: NOW_MS,
    ...parts,
  });
}

const fine = [aSandbox()];
const app = aContainer();
const two = aPod({ restartPolicy: 'Never', containers: [{ name: 'a' }, { name: 'b' }] });
const a = aContainer({ name: 'a', image: 'app:1' });
const b = aContainer({ name: 'b', image: 'app:1' });
const inits = aPod({ initContainers: [{ name: 'i' }] });
const i = aContainer({ name: 'i', image: 'app:1' });
const sidecar = aPod({
  initContainers: [{ name: 's', restartPolicy: 'Always', startupProbe: {} }],
});
const s = aContainer({ name: 's', image: 'app:1' });
const deleting: Pod = aPod({ metadata: { name: 'web', deletionTimestamp: NOW } });

describe('phase', () => {
  const cases: readonly (Partial<StatusInput> & { name: string; want: string })[] = [
    { name: 'no container created yet', want: 'Pending' },
    { name: 'running', seen: anObservation(fine, [app]), want: 'Running' },
    {
      name: 'created, not started',
      seen: anObservation(fine, [aContainer({ state: { kind: 'created' } })]),
      want: 'Pending',
    },
    {
      name: 'one runs, one was never created',
      pod: two,
      seen: anObservation(fine, [a]),
      want: 'Pending',
    },
    {
      name: 'one runs, one has ended',
      pod: two,
      seen: anObservation(fine, [a, { ...b, state: exited(1) }]),
      want: 'Running',
    },
    {
      name: 'all have succeeded and stay so',
      pod: two,
      seen: anObservation(fine, [
        { ...a, state: exited(0) },
        { ...b, state: exited(0) },
      ]),
      want: 'Succeeded',
    },
    {
      name: 'one has failed',
      pod: two,
      seen: anObservation(fine, [
        { ...a, state: exited(0) },
        { ...b, state: exited(1) },
      ]),
      want: 'Failed',
    },
    {
      name: 'ended, but will be restarted',
      seen: anObservation(fine, [aContainer({ state: exited(1) })]),
      want: 'Running',
    },
    {
      name: 'waiting in a crash loop',
      seen: anObservation(fine, [aContainer({ state: exited(1) })]),
      waiting: new Map([['app', { reason: 'CrashLoopBackOff', message: 'm' }]]),
      want: 'Running',
    },
    {
      name: 'OnFailure after a failure',
      pod: aPod({ restartPolicy: 'OnFailure' }),
      seen: anObservation(fine, [aContainer({ state: exited(1) })]),
      want: 'Running',
    },
    {
      name: 'deleted, not yet ended',
      pod: deleting,
      previous: { phase: 'Running' },
      seen: anObservation(fine, [aContainer({ state: exited(0) })]),
      want: 'Running',
    },
    {
      name: 'deleted and stopped',
      pod: deleting,
      terminal: true,
      seen: anObservation(fine, [aContainer({ state: exited(0) })]),
      want: 'Succeeded',
    },
    {
      name: 'deleted and killed',
      pod: deleting,
      terminal: true,
      seen: anObservation(fine, [aContainer({ state: exited(137) })]),
      want: 'Failed',
    },
    { name: 'init container runs', pod: inits, seen: anObservation(fine, [i]), want: 'Pending' },
    {
      name: 'init container failed and will run again',
      pod: inits,
      seen: anObservation(fine, [{ ...i, state: exited(1) }]),
      want: 'Pending',
    },
    {
      name: 'init container failed and stays so',
      pod: aPod({ restartPolicy: 'Never', initContainers: [{ name: 'i' }] }),
      seen: anObservation(fine, [{ ...i, state: exited(1) }]),
      want: 'Failed',
    },
    {
      name: 'sidecar has not started yet',
      pod: sidecar,
      seen: anObservation(fine, [s]),
      want: 'Pending',
    },
    {
      name: 'sidecar restarts beside running containers',
      pod: sidecar,
      seen: anObservation(fine, [app, { ...s, state: exited(1) }]),
      want: 'Running',
    },
    {
      name: 'a final phase is never left',
      previous: { phase: 'Succeeded' },
      seen: anObservation(fine, [app]),
      want: 'Succeeded',
    },
    {
      name: 'a failure verdict, while containers run',
      previous: { phase: 'Running' },
      verdict: { reason: 'Evicted', message: 'm' },
      seen: anObservation(fine, [app]),
      want: 'Running',
    },
    {
      name: 'a failure verdict, once nothing runs',
      previous: { phase: 'Running' },
      verdict: { reason: 'Evicted', message: 'm' },
      seen: anObservation(fine, [aContainer({ state: exited(0) })]),
      want: 'Failed',
    },
  ];

  it.each(cases)('$name: $want', (row) => {
    expect(statusOf(row).phase).toBe(row.want);
  });
});

describe('container status', () => {
  const first = (parts: Partial<StatusInput>): ContainerStatus | undefined =>
    statusOf(parts).containerStatuses?.[0];

  it('waits to be created, or for init containers', () => {
    expect(first({})?.state).toEqual({ waiting: { reason: 'ContainerCreating' } });
    const status = statusOf({ pod: inits });
    expect(status.containerStatuses?.[0]?.state).toEqual({
      waiting: { reason: 'PodInitializing' },
    });
    expect(status.initContainerStatuses?.[0]?.state).toEqual({
      waiting: { reason: 'PodInitializing' },
    });
  });

  it('shows a run, with times in whole seconds', () => {
    const seen = anObservation(fine, [aContainer({ state: running(NOW_MS + 999) })]);
    expect(first({ seen })).toMatchObject({
      state: { running: { startedAt: NOW } },
      containerID: 'containerd://app-0',
      image: 'app:1',
      imageID: 'sha256:app',
      ready: true,
      started: true,
    });
  });

  it('shows the recursively read-only mounts that the runtime created', () => {
    const modes = ['Enabled', 'IfPossible', 'Disabled'] as const;
    const volumeMounts = modes.map((recursiveReadOnly, at) => {
      return { name: 'v', mountPath: `/v${at}`, readOnly: true, recursiveReadOnly };
    });
    const pod = aPod({ containers: [{ name: 'app', volumeMounts }] });
    const shown = (parts: Partial<StatusInput>) =>
      first({ pod, ...parts })?.volumeMounts?.map((mount) => mount.recursiveReadOnly);
    expect(shown({})).toEqual(['Enabled', 'Disabled', 'Disabled']);
    const able = anObservation(fine, [{ ...app, recursiveReadOnly: ['/v0', '/v1'] }]);
    expect(shown({ seen: able })).toEqual(['Enabled', 'Enabled', 'Disabled']);
    const unable = anObservation(fine, [app]);
    expect(shown({ seen: unable })).toEqual(['Disabled', 'Disabled', 'Disabled']);
  });

  it('shows the previous run as the last state', () => {
    const old = aContainer({ id: 'app-old', state: exited(3, NOW_MS), createdAtMs: 1 });
    const seen = anObservation(fine, [aContainer({ restartCount: 1 }), old]);
    expect(first({ seen })).toMatchObject({
      restartCount: 1,
      lastState: {
        terminated: {
          exitCode: 3,
          reason: 'Error',
          finishedAt: NOW,
          containerID: 'containerd://app-old',
        },
      },
    });
  });

  it('shows the reason that it cannot start, and its last end', () => {
    const seen = anObservation(fine, [aContainer({ state: exited(1) })]);
    const waiting = new Map([['app', { reason: 'CrashLoopBackOff', message: 'back-off 10s' }]]);
    expect(first({ seen, waiting })).toMatchObject({
      state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } },
      lastState: { terminated: { exitCode: 1 } },
    });
  });

  it('never lowers the restart count', () => {
    const previous = {
      containerStatuses: [{ ...(first({}) as ContainerStatus), restartCount: 7 }],
    };
    const seen = anObservation(fine, [aContainer({ restartCount: 2 })]);
    expect(first({ seen, previous })?.restartCount).toBe(7);
  });

  it('shows a container that vanished while running as lost', () => {
    const previous = statusOf({ seen: anObservation(fine, [app]) });
    expect(first({ previous })).toMatchObject({
      state: { waiting: { reason: 'ContainerCreating' } },
      restartCount: 1,
      lastState: {
        terminated: {
          exitCode: 137,
          reason: 'ContainerStatusUnknown',
          message:
            'The container could not be located when the pod was deleted.  ' +
            'The container used to be Running',
        },
      },
    });
  });

  it('keeps the end of a container that vanished afterwards', () => {
    const previous = statusOf({ seen: anObservation(fine, [aContainer({ state: exited(4) })]) });
    expect(first({ previous })?.state?.terminated?.exitCode).toBe(4);
  });

  it('shows an init container killed for lack of memory as failed, even with exit code 0', () => {
    const state = { ...exited(0), reason: 'OOMKilled' } as const;
    const seen = anObservation(fine, [{ ...i, state }]);
    for (const [restartPolicy, phase] of [
      ['Never', 'Failed'],
      ['OnFailure', 'Pending'],
    ] as const) {
      const pod = aPod({ restartPolicy, initContainers: [{ name: 'i' }] });
      const status = statusOf({ pod, seen });
      expect(status.phase).toBe(phase);
      expect(status.initContainerStatuses?.[0]).toMatchObject({ ready: false });
    }
  });

  it('shows an init container without a record as succeeded', () => {
    const status = statusOf({ pod: inits, seen: anObservation(fine, [app]) });
    expect(status.initContainerStatuses?.[0]).toMatchObject({
      ready: true,
      state: { terminated: { exitCode: 0, reason: 'Completed' } },
    });
  });

  it('sorts containers by name, and init containers in spec order', () => {
    const pod = aPod({
      containers: [{ name: 'z' }, { name: 'c' }],
      initContainers: [{ name: 'y' }, { name: 'x' }],
    });
    const status = statusOf({ pod });
    expect(status.containerStatuses?.map(({ name }) => name)).toEqual(['c', 'z']);
    expect(status.initContainerStatuses?.map(({ name }) => name)).toEqual(['y', 'x']);
  });

  it('divides the space for termination messages among the containers', () => {
    const message = 'ä'.repeat(10_000);
    const state = { ...exited(1), message };
    const seen = anObservation(fine, [
      aContainer({ name: 'a', state }),
      aContainer({ name: 'b', state }),
    ]);
    const texts = statusOf({ pod: two, seen }).containerStatuses?.map(
      (status) => status.state?.terminated?.message ?? '',
    );
    expect(texts?.map((text) => Buffer.byteLength(text))).toEqual([6144, 6144]);
    expect(texts?.[0]?.endsWith('ä')).toBe(true);
  });
});

describe('conditions', () => {
  const conditionsOf = (parts: Partial<StatusInput>): Record<string, string> =>
    Object.fromEntries(
      (statusOf(parts).conditions ?? []).map(({ type, status, reason, message }) => [
        type,
        [status, reason, message].filter((word) => word !== undefined).join(' '),
      ]),
    );

  it('of a new pod', () => {
    expect(conditionsOf({})).toEqual({
      PodReadyToStartContainers: 'False',
      Initialized: 'True',
      Ready: 'False ContainersNotReady containers with unready status: [app]',
      ContainersReady: 'False ContainersNotReady containers with unready status: [app]',
      PodScheduled: 'True',
    });
  });

  it('of a pod with running init containers', () => {
    expect(conditionsOf({ pod: inits, seen: anObservation(fine, [i]) })).toMatchObject({
      PodReadyToStartContainers: 'True',
      Initialized: 'False ContainersNotInitialized containers with incomplete status: [i]',
    });
  });

  it('of a pod that has ended', () => {
    const seen = anObservation(fine, [aContainer({ state: exited(0) })]);
    const pod = aPod({ restartPolicy: 'Never' });
    expect(conditionsOf({ pod, seen })).toMatchObject({
      Initialized: 'True PodCompleted',
      Ready: 'False PodCompleted',
      ContainersReady: 'False PodCompleted',
    });
    const failed = anObservation(fine, [aContainer({ state: exited(1) })]);
    expect(conditionsOf({ pod, seen: failed })).toMatchObject({ Ready: 'False PodFailed' });
  });

  it('of a pod with readiness gates', () => {
    const gated = (status?: PodStatus): Pod =>
      aPod({ readinessGates: [{ conditionType: 'x' }], ...(status && { status }) });
    const seen = anObservation(fine, [app]);
    expect(conditionsOf({ pod: gated(), seen })['Ready']).toBe(
      'False ReadinessGatesNotReady ' +
        'corresponding condition of pod readiness gate "x" does not exist.',
    );
    const open = { conditions: [{ type: 'x', status: 'True' }] };
    expect(conditionsOf({ pod: gated(open), seen })).toMatchObject({ x: 'True', Ready: 'True' });
    const shut = { conditions: [{ type: 'x', status: 'False' }] };
    expect(conditionsOf({ pod: gated(shut), seen })['Ready']).toBe(
      'False ReadinessGatesNotReady the status of pod readiness gate "x" is not "True", but False',
    );
  });

  it('change their time only with their status, and carry the generation', () => {
    const pod = aPod({ metadata: { name: 'web', generation: 3 } });
    const previous = statusOf({ pod });
    const seen = anObservation(fine, [app]);
    const later = statusOf({ pod, previous, seen, nowMs: NOW_MS + 60_000 });
    const times = Object.fromEntries(
      (later.conditions ?? []).map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
    );
    expect(times['Ready']).toBe('2026-01-01T00:01:00Z');
    expect(times['PodScheduled']).toBe(NOW);
    expect(later.conditions?.every(({ observedGeneration }) => observedGeneration === 3)).toBe(
      true,
    );
    expect(later.observedGeneration).toBe(3);
  });
});

describe('addresses', () => {
  it('are the node’s own for a pod on the host network', () => {
    const status = statusOf({ pod: aPod({ hostNetwork: true }), hostIps: ['10.0.0.1', 'fd00::1'] });
    expect(status).toMatchObject({
      podIP: '10.0.0.1',
      podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
      hostIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
    });
  });

  it('are one of each family, the node’s first', () => {
    const seen = anObservation([aSandbox({ ips: ['10.1.0.5', '10.1.0.6', 'fd00::5'] })]);
    expect(statusOf({ seen, hostIps: ['fd00::1'] }).podIPs).toEqual([
      { ip: 'fd00::5' },
      { ip: '10.1.0.5' },
    ]);
  });

  it('stay after the sandbox is gone', () => {
    const previous = statusOf({ seen: anObservation(fine, [app]) });
    expect(statusOf({ previous, seen: anObservation() }).podIP).toBe('10.1.0.5');
  });
});

describe('resources', () => {
  const half = { requests: { cpu: '500m', memory: '64Mi' }, limits: { memory: '128Mi' } };
  const capped = { limits: { cpu: '1', memory: '64Mi' }, requests: { cpu: '1', memory: '64Mi' } };
  const cases: readonly {
    name: string;
    pod: Pod;
    phase: string;
    want: Pick<PodStatus, 'allocatedResources' | 'resources'>;
  }[] = [
    { name: 'without requests', pod: aPod(), phase: 'Running', want: { resources: {} } },
    {
      name: 'of several containers, summed',
      pod: aPod({
        containers: [
          { name: 'a', resources: half },
          { name: 'b', resources: capped },
        ],
      }),
      phase: 'Running',
      want: {
        allocatedResources: { cpu: '1500m', memory: '128Mi' },
        resources: { requests: { cpu: '1500m', memory: '128Mi' }, limits: { memory: '192Mi' } },
      },
    },
    {
      name: 'before it runs: sums, even if one container has no limit',
      pod: aPod({
        containers: [
          { name: 'a', resources: half },
          { name: 'b', resources: capped },
        ],
      }),
      phase: 'Pending',
      want: {
        allocatedResources: { cpu: '1500m', memory: '128Mi' },
        resources: {
          requests: { cpu: '1500m', memory: '128Mi' },
          limits: { cpu: '1', memory: '192Mi' },
        },
      },
    },
    {
      name: 'resources without cgroup: allocated, but not in force',
      pod: aPod({
        containers: [{ name: 'a', resources: { requests: { 'ephemeral-storage': '1Gi' } } }],
      }),
      phase: 'Running',
      want: { allocatedResources: { 'ephemeral-storage': '1Gi' }, resources: {} },
    },
    {
      name: 'a large init container',
      pod: aPod({
        initContainers: [{ name: 'i', resources: { requests: { cpu: '2' } } }],
        containers: [{ name: 'a', resources: { requests: { cpu: '1' } } }],
      }),
      phase: 'Running',
      want: { allocatedResources: { cpu: '2' }, resources: { requests: { cpu: '2' } } },
    },
  ];
  it.each(cases)('of the pod: $name', ({ pod, phase, want }) => {
    const made = (pod.spec?.containers ?? []).map(({ name }) => aContainer({ name }));
    const seen = phase === 'Running' ? anObservation(fine, made) : anObservation();
    const { allocatedResources, resources } = statusOf({ pod, seen });
    expect({ ...(allocatedResources && { allocatedResources }), resources }).toEqual(want);
  });

  it('of a container appear once it is created', () => {
    const pod = aPod({ containers: [{ name: 'app', resources: half }] });
    const waiting = statusOf({ pod }).containerStatuses?.[0];
    expect(waiting).not.toHaveProperty('resources');
    expect(waiting).not.toHaveProperty('allocatedResources');
    const made = statusOf({ pod, seen: anObservation(fine, [app]) }).containerStatuses?.[0];
    expect(made).toMatchObject({ resources: half, allocatedResources: half.requests });
  });
});

describe('a container that could not be started', () => {
  it('has ended, with the epoch as its start', () => {
    const state: ContainerRunState = {
      kind: 'exited',
      startedAtMs: undefined,
      finishedAtMs: 4000,
      exitCode: 128,
      reason: 'StartError',
      message: '',
    };
    const status = statusOf({ seen: anObservation(fine, [aContainer({ state })]) });
    expect(status.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 128,
      reason: 'StartError',
      startedAt: '1970-01-01T00:00:00Z',
    });
  });
});
