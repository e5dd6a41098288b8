import { ManualClock, MemoryMetrics } from '@nodeagent/base/testing';
import type { PodStatus } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { createPullMeter } from '../../../src/images/run/index.js';
import { emptyObservation, type PodReporter, StartError } from '../../../src/pod/index.js';
import { aPod, MemoryPodRuntime } from '../../../src/testing/index.js';
import { meterPodRuntime, meterReporter } from '../../../src/workers/run/index.js';
import { createProbeMeter } from '../../../src/workers/run/probe-metrics.js';

const { signal } = new AbortController();

describe(meterPodRuntime, () => {
  it('counts attempts and failures to start', async () => {
    const metrics = new MemoryMetrics();
    const clock = new ManualClock();
    const memory = new MemoryPodRuntime(clock);
    const pod = aPod();
    const runtime = meterPodRuntime(memory, { metrics, clock });
    const sandboxId = await runtime.createSandbox(pod, 0, signal);
    const request = { pod, sandboxId, podIps: [], name: 'app', restartCount: 0 };
    await runtime.startContainer({ ...request, role: 'regular' }, signal);
    memory.onCall = () => {
      throw new StartError('ErrImagePull', 'no');
    };
    await expect(runtime.startContainer({ ...request, role: 'sidecar' }, signal)).rejects.toThrow(
      'no',
    );
    expect(Object.fromEntries(metrics.values)).toEqual({
      kubelet_started_pods_total: 1,
      'kubelet_started_containers_total{container_type="container"}': 1,
      'kubelet_started_containers_total{container_type="init_container"}': 1,
      'kubelet_started_containers_errors_total{code="ErrImagePull",container_type="init_container"}': 1,
    });
  });
});

it('counts pods with user namespaces apart', async () => {
  const metrics = new MemoryMetrics();
  const clock = new ManualClock();
  const memory = new MemoryPodRuntime(clock);
  const runtime = meterPodRuntime(memory, { metrics, clock });
  const plain = aPod();
  const isolated = { ...plain, spec: { containers: [], ...plain.spec, hostUsers: false } };
  await runtime.createSandbox(plain, 0, signal);
  memory.onCall = () => {
    throw new Error('no');
  };
  await expect(runtime.createSandbox(isolated, 0, signal)).rejects.toThrow('no');
  expect(Object.fromEntries(metrics.values)).toEqual({
    kubelet_started_pods_total: 2,
    kubelet_started_pods_errors_total: 1,
    kubelet_started_user_namespaced_pods_total: 1,
    kubelet_started_user_namespaced_pods_errors_total: 1,
  });
});

describe(meterReporter, () => {
  const facts = {
    seen: emptyObservation(0),
    probes: new Map(),
    waiting: new Map(),
    terminal: false,
    verdict: undefined,
  };

  it('measures the time from creation, and from first sight, until a pod runs, once', () => {
    const clock = new ManualClock();
    const metrics = new MemoryMetrics();
    let status: PodStatus = { phase: 'Pending' };
    const inner: PodReporter = {
      report: () => status,
      finish: () => undefined,
      seen: () => undefined,
      forget: () => undefined,
    };
    const reporter = meterReporter(inner, { metrics, clock });
    const at = (ms: number): string => new Date(clock.nowMs() + ms).toISOString();
    const pod = aPod({
      metadata: {
        name: 'web',
        uid: 'u',
        creationTimestamp: at(-3000),
        annotations: { 'kubernetes.io/config.seen': at(-1000) },
      },
    });
    reporter.report({ ...facts, pod });
    status = { phase: 'Running' };
    reporter.report({ ...facts, pod });
    reporter.report({ ...facts, pod });
    expect(Object.fromEntries(metrics.observations)).toEqual({
      kubelet_pod_start_duration_seconds: [1],
      kubelet_pod_start_total_duration_seconds: [3],
      kubelet_pod_start_sli_duration_seconds: [3],
    });
  });

  it('excludes image pulls and init containers from the kubelet’s own time', () => {
    const clock = new ManualClock();
    const metrics = new MemoryMetrics();
    const pulls = createPullMeter(metrics);
    const at = (ms: number): string => new Date(clock.nowMs() + ms).toISOString();
    const terminated = {
      exitCode: 0,
      containerID: 'x://i',
      startedAt: at(-3000),
      finishedAt: at(-1000),
    };
    let status: PodStatus = { phase: 'Pending' };
    const inner = {
      report: () => status,
      finish: () => undefined,
      seen: () => undefined,
      forget: () => undefined,
    };
    const reporter = meterReporter(inner, { metrics, clock, pulls });
    const metadata = { name: 'web', uid: 'u', creationTimestamp: at(-10_000) as never };
    const pod = aPod({ metadata });
    reporter.report({ ...facts, pod });
    pulls.pulled(pod, { startedMs: 1000, endedMs: 4000, sizeBytes: 20 * 2 ** 20 });
    pulls.pulled(pod, { startedMs: 2000, endedMs: 5000, sizeBytes: 1 });
    status = {
      phase: 'Running',
      initContainerStatuses: [{ name: 'i', state: { terminated } }],
    } as never;
    reporter.report({ ...facts, pod });
    expect(metrics.observations.get('kubelet_pod_start_sli_duration_seconds')).toEqual([4]);
    const size = (text: string) =>
      `kubelet_image_pull_duration_seconds{image_size_in_bytes="${text}"}`;
    expect(metrics.observations.get(size('10MB-100MB'))).toEqual([3]);
    expect(metrics.observations.get(size('0-10MB'))).toEqual([3]);
    reporter.forget('u');
    expect(pulls.pullingMs('u')).toBe(0);
  });

  it('counts each end of a container once, and none from before the start', () => {
    const metrics = new MemoryMetrics();
    let status: PodStatus = { phase: 'Running' };
    const inner = {
      report: () => status,
      finish: () => undefined,
      seen: () => undefined,
      forget: () => undefined,
    };
    const reporter = meterReporter(inner, { metrics, clock: new ManualClock() });
    const report = (...ids: string[]) => {
      const [now, before] = ids.map((containerID) => {
        return { terminated: { containerID, exitCode: 137, reason: 'OOMKilled' } };
      });
      status = {
        phase: 'Running',
        containerStatuses: [{ name: 'c', state: now ?? {}, lastState: before ?? {} }],
      } as never;
      reporter.report({ ...facts, pod: aPod() });
    };
    report('x://old');
    report('x://1', 'x://old');
    report('x://1', 'x://old');
    report('x://2', 'x://1');
    const series =
      'kubelet_terminated_containers_total{container_type="container",exit_code="137",reason="OOMKilled"}';
    expect(metrics.values.get(series)).toBe(2);
  });
});

describe(createProbeMeter, () => {
  it('counts attempts by result, without errors, and forgets a removed pod', () => {
    const metrics = new MemoryMetrics();
    const meter = createProbeMeter(metrics);
    const report = { key: 'k', instanceId: 'i', kind: 'liveness', durationMs: 20 } as const;
    for (const result of ['success', 'warning', 'failure', 'error'] as const) {
      meter.attempted(aPod(), 'app', { ...report, outcome: { result, detail: '' } });
    }
    const series = (result: string): number | undefined =>
      metrics.values.get(
        'prober_probe_total{container="app",namespace="default",pod="web",pod_uid="uid-1",' +
          `probe_type="Liveness",result="${result}"}`,
      );
    expect(['successful', 'failed'].map(series)).toEqual([2, 1]);
    expect(metrics.values.size).toBe(2);
    expect([...metrics.observations.values()]).toEqual([[0.02, 0.02]]);
    meter.forget(aPod(), ['app']);
    expect(metrics.values.size + metrics.observations.size).toBe(0);
  });
});
