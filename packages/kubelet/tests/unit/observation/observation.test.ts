import { containerId, type ContainerStatus, sandboxId } from '@nodeagent/cri-client';
import { describe, expect, it } from 'vitest';

import { observedContainer, observedSandbox } from '../../../src/observation/plan/observation.js';

const container = {
  id: containerId('c'),
  sandboxId: sandboxId('s'),
  metadata: { name: 'app', attempt: 0 },
  image: { image: 'app:1' },
  imageRef: 'sha256:1',
  imageId: 'sha256:1',
  state: 'exited',
  createdAtMs: 1,
  labels: {},
  annotations: {},
} as const;

const failedStart = (message: string, startedAtMs?: number): ContainerStatus => ({
  ...container,
  finishedAtMs: 5,
  startedAtMs,
  exitCode: 128,
  reason: 'StartError',
  message,
  mounts: [],
  logPath: '',
});

describe(observedContainer, () => {
  it.each([
    [true, 'SIGUSR1', 'SIGUSR1'],
    [true, 'unknown', undefined],
    [false, 'SIGUSR1', undefined],
  ] as const)('stop signals requested (%s): %s is %s', (stopSignals, stopSignal, want) => {
    const status = { ...failedStart('', 3), stopSignal };
    const more = { runtimeName: 'containerd', message: '', stopSignals };
    expect(observedContainer(container, status, more).stopSignal).toBe(want);
  });

  it('has the resources that the runtime reports, in units of the API', () => {
    const resources = {
      ...{ cpuShares: 102, cpuPeriodUs: 100_000, cpuQuotaUs: 20_000 },
      memoryLimitBytes: 4096,
    };
    const status = { ...failedStart('', 3), resources };
    const seen = observedContainer(container, status, { runtimeName: 'r', message: '' });
    expect(seen.resources).toEqual({
      cpuRequestMilli: 100,
      cpuLimitMilli: 200,
      memoryLimitBytes: 4096,
    });
  });

  it('contains the paths of recursively read-only mounts', () => {
    const mount = { hostPath: '/h', readOnly: true, propagation: 'private' } as const;
    const mounts = [
      { ...mount, containerPath: '/a', recursiveReadOnly: true },
      { ...mount, containerPath: '/b', recursiveReadOnly: false },
    ];
    const of = (status: ContainerStatus) =>
      observedContainer(container, status, { runtimeName: 'r', message: '' }).recursiveReadOnly;
    expect(of({ ...failedStart('', 3), mounts })).toEqual(['/a']);
    expect(of(failedStart('', 3))).toBeUndefined();
  });

  it.each([
    ['3', 3],
    ['2147483648', 0],
    ['9'.repeat(400), 0],
    ['-1', 0],
    ['3.5', 0],
  ])('the restart count %s is %d', (text, want) => {
    const annotations = { 'io.kubernetes.container.restartCount': text };
    const more = { runtimeName: 'r', message: '' };
    expect(observedContainer({ ...container, annotations }, undefined, more).restartCount).toBe(
      want,
    );
  });

  it.each([
    ['whose caller went away', 'failed to create shim task: context canceled: unknown', undefined],
    ['whose helper was killed', 'start failed: : signal: killed: unknown', undefined],
    ['that took too long', 'context deadline exceeded: unknown', undefined],
  ])('a start %s never happened', (_, message, startedAtMs) => {
    const seen = observedContainer(container, failedStart(message, startedAtMs), {
      runtimeName: 'containerd',
      message: '',
    });
    expect(seen.state).toEqual({ kind: 'created' });
  });

  it.each([
    ['that is impossible', 'exec: "nope": executable file not found in $PATH', undefined],
    ['of a program that ran', 'context canceled', 3],
  ])('a start %s counts as ended', (_, message, startedAtMs) => {
    const seen = observedContainer(container, failedStart(message, startedAtMs), {
      runtimeName: 'containerd',
      message: '',
    });
    expect(seen.state).toMatchObject({ kind: 'exited', exitCode: 128, reason: 'StartError' });
  });
});

describe(observedSandbox, () => {
  const sandbox = {
    id: sandboxId('s'),
    metadata: { name: 'web', uid: 'u', namespace: 'default', attempt: 0 },
    state: 'ready',
    createdAtMs: 1,
    labels: {},
    annotations: {},
    runtimeHandler: '',
  } as const;

  it.each([
    [['10.1.0.5', 'fd00::5'], true],
    [['10.1.0.5/24'], false],
    [['10.1.0.5', 'pending'], false],
    [['fe80::1%eth0'], false],
    [['10.1.0.5\tevil'], false],
  ])('has the addresses %j: %s', (ips, want) => {
    const seen = observedSandbox(sandbox, { ...sandbox, ips, containers: [] });
    expect(seen.ips).toEqual(want ? ips : []);
  });
});
