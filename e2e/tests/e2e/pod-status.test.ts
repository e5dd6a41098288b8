import { containerId } from '@nodeagent/cri-client';
import { createCriClient } from '@nodeagent/cri-client/grpc';
import { PODS } from '@nodeagent/kube-client';
import { findKubectls, tryCommand, waitFor } from '@nodeagent/testbed';
import { describe, expect, it } from 'vitest';

import { oomKillsIn } from './cgroups.ts';
import { isReady, mainContainer, useCluster } from './fixture.ts';
import {
  aScript,
  conditionOf,
  createPod,
  deletePod,
  eventsOf,
  hasPhase,
  isRunning,
  SERVES,
  statusOf,
  waitForEvent,
} from './pods.ts';

const e2e = useCluster();
const never = new AbortController().signal;

/** Generous, because slow machines must not fail. */
const PATIENT = { periodSeconds: 1, timeoutSeconds: 30 };
const open = (path: string) => ({
  exec: { command: ['test', '-e', `/ledger/${path}`] },
  ...PATIENT,
});
const touch = (path: string) =>
  e2e.cluster.space.run(['busybox', 'touch', `${e2e.cluster.space.dir}/ledger/${path}`]);

const writeCondition = (name: string, type: string, status: string) =>
  e2e.client.patch(
    PODS,
    { namespace: e2e.namespace, name },
    {
      type: 'strategic-merge',
      body: { status: { conditions: [{ type, status }] } },
      subresource: 'status',
    },
    never,
  );

describe('a status', () => {
  it('reports every condition with its generation', async () => {
    await createPod(e2e, 'conditions', { containers: [aScript('app', SERVES)] });
    const pod = await e2e.waitForPod('conditions', 'to be ready', isReady);
    const types = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady'];
    for (const type of [...types, 'PodScheduled']) expect(conditionOf(pod, type)).toBe('True');
    const generation = pod.metadata?.generation;
    expect(pod.status?.observedGeneration).toBe(generation);
    const own = pod.status?.conditions?.map(({ observedGeneration }) => observedGeneration);
    expect(new Set(own)).toEqual(new Set([generation]));
  });

  it('waits for readiness gates that others open, and does not change them', async () => {
    await createPod(e2e, 'gated', {
      readinessGates: [{ conditionType: 'example.com/open' }],
      containers: [aScript('app', SERVES)],
    });
    const shut = await e2e.waitForPod('gated', 'to wait for its gate', (pod) => {
      return conditionOf(pod, 'ContainersReady') === 'True';
    });
    expect(conditionOf(shut, 'Ready')).toBe('False ReadinessGatesNotReady');
    const message = shut.status?.conditions?.find(({ type }) => type === 'Ready')?.message;
    expect(message).toBe(
      'corresponding condition of pod readiness gate "example.com/open" does not exist.',
    );
    await writeCondition('gated', 'example.com/open', 'True');
    const pod = await e2e.waitForPod('gated', 'to be ready', isReady);
    expect(conditionOf(pod, 'example.com/open')).toBe('True');
  });

  it('of a failed pod is final, and keeps its addresses', async () => {
    await createPod(e2e, 'failed', {
      restartPolicy: 'Never',
      containers: [aScript('app', 'exit 2')],
    });
    const pod = await e2e.waitForPod('failed', 'to fail', hasPhase('Failed'));
    expect(conditionOf(pod, 'Ready')).toBe('False PodFailed');
    expect(conditionOf(pod, 'ContainersReady')).toBe('False PodFailed');
    expect(pod.status?.podIP).toMatch(/^10\./);
    await writeCondition('failed', 'example.com/mine', 'True');
    await e2e.cluster.kubelet.kill9();
    await e2e.cluster.kubelet.start();
    await createPod(e2e, 'after-failed', { containers: [aScript('app', SERVES)] });
    await e2e.waitForPod('after-failed', 'to run', isRunning('app'));
    const later = await e2e.getPod('failed');
    expect(later.status).toMatchObject({ phase: 'Failed', podIP: pod.status?.podIP });
    expect(conditionOf(later, 'example.com/mine')).toBe('True');
  });

  it('reports an unknown exit for a container that vanished', async () => {
    await createPod(e2e, 'vanished', { containers: [aScript('app', SERVES)] });
    const pod = await e2e.waitForPod('vanished', 'to run', isRunning('app'));
    await e2e.cluster.kubelet.kill9();
    const { endpoint } = e2e.cluster.containerd;
    const cri = createCriClient({ endpoint, onWarning: () => undefined });
    try {
      const id = containerId(mainContainer(pod).id);
      await cri.runtime.stopContainer(id, 0, never);
      await cri.runtime.removeContainer(id, never);
    } finally {
      cri.close();
    }
    await e2e.cluster.kubelet.start();
    const after = await e2e.waitForPod('vanished', 'to run again', (seen) => {
      return isRunning('app')(seen) && (statusOf(seen, 'app')?.restartCount ?? 0) > 0;
    });
    expect(statusOf(after, 'app')?.lastState?.terminated).toMatchObject({
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: expect.stringMatching(
        /^The container could not be located when the pod was deleted/,
      ),
    });
  });

  it("shows the runtime's reason for a container that cannot run", async () => {
    await createPod(e2e, 'cannot-run', {
      restartPolicy: 'Never',
      containers: [aScript('app', '', { command: ['/no/such/program'] })],
    });
    const pod = await e2e.waitForPod('cannot-run', 'to fail', hasPhase('Failed'));
    // containerd's reason for the failure that other runtimes call ContainerCannotRun
    expect(statusOf(pod, 'app')?.state?.terminated).toMatchObject({
      exitCode: 128,
      reason: 'StartError',
      message: expect.stringContaining('/no/such/program'),
    });
    const message = /^Error: .*\/no\/such\/program/;
    await waitForEvent(e2e, 'cannot-run', { reason: 'Failed', message });
  });

  it('reports that the runtime cannot mount images', async () => {
    const image = { reference: 'nodeagent.test/busybox:1', pullPolicy: 'Never' };
    const volumeMounts = [{ name: 'image', mountPath: '/image' }];
    await createPod(e2e, 'image-volume', {
      containers: [aScript('app', SERVES, { volumeMounts })],
      volumes: [{ name: 'image', image }],
    });
    const pod = await e2e.waitForPod('image-volume', 'to show why it cannot run', (seen) => {
      return statusOf(seen, 'app')?.state?.waiting?.reason === 'CreateContainerError';
    });
    expect(statusOf(pod, 'app')?.state?.waiting?.message).toMatch(/mkdir/);
  });

  it('reports that a container exceeded its memory limit: OOMKilled, 137', async () => {
    const resources = { limits: { memory: '32Mi' } };
    await createPod(e2e, 'greedy', {
      restartPolicy: 'Never',
      containers: [
        aScript('app', 'exec tail /dev/zero', { resources }),
        aScript('modest', 'exit 0', { resources }),
      ],
    });
    const pod = await e2e.waitForPod('greedy', 'to fail', hasPhase('Failed'));
    expect(statusOf(pod, 'app')?.state?.terminated).toMatchObject({
      reason: 'OOMKilled',
      exitCode: 137,
    });
    expect(statusOf(pod, 'modest')?.state?.terminated?.reason).toBe('Completed');
  });

  it('of an init container that ran out of memory is a failure, whatever its exit code', async () => {
    // The shell outlives its child; the runtime learns of the out-of-memory kill before the shell
    // ends.
    const script = 'tail /dev/zero; sleep 1; exit 0';
    await createPod(e2e, 'init-oom', {
      restartPolicy: 'Never',
      initContainers: [aScript('init', script, { resources: { limits: { memory: '24Mi' } } })],
      containers: [aScript('app', SERVES)],
    });
    const pod = await e2e.waitForPod('init-oom', 'to fail', hasPhase('Failed'));
    expect(statusOf(pod, 'init')?.state?.terminated).toMatchObject({
      reason: 'OOMKilled',
      exitCode: 0,
    });
    expect(statusOf(pod, 'app')?.state?.waiting?.reason).toBe('PodInitializing');
  });

  it('of a container that lost a child for want of memory: it runs on, and ends by its own code', async () => {
    const resources = { limits: { memory: '24Mi' } };
    const once = 'test -e /ledger/lost-child && exit 0; touch /ledger/lost-child; ';
    await createPod(e2e, 'lost-children', {
      restartPolicy: 'OnFailure',
      containers: [
        aScript('survives', `tail /dev/zero; ${SERVES}`, { resources }),
        aScript('succeeds', 'tail /dev/zero; exit 0', { resources }),
        aScript('fails', `${once}tail /dev/zero; exit 3`, { resources }),
      ],
    });
    const pod = await e2e.waitForPod('lost-children', 'to have settled', (seen) => {
      const [well, again] = ['succeeds', 'fails'].map((name) => statusOf(seen, name)?.state);
      return well?.terminated !== undefined && again?.terminated?.exitCode === 0;
    });
    await waitFor(async () => (await oomKillsIn(e2e.cluster, pod, 'survives')) > 0, {
      what: 'the child of the one that survives to be killed',
    });
    const later = await e2e.getPod('lost-children');
    expect(statusOf(later, 'survives')).toMatchObject({ ready: true, restartCount: 0 });
    expect(statusOf(later, 'succeeds')).toMatchObject({
      state: { terminated: { reason: 'OOMKilled', exitCode: 0 } },
      restartCount: 0,
    });
    expect(statusOf(later, 'fails')).toMatchObject({
      lastState: { terminated: { reason: 'OOMKilled', exitCode: 3 } },
      restartCount: 1,
    });
    await deletePod(e2e, 'lost-children', 0);
  });

  it('shows the termination message: its file, or the end of its log', async () => {
    const policy = { terminationMessagePolicy: 'FallbackToLogsOnError' };
    const lines = 'i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done';
    await createPod(e2e, 'messages', {
      restartPolicy: 'Never',
      containers: [
        aScript('file', 'head -c 9000 /dev/zero | tr "\\\\0" x > /dev/termination-log'),
        aScript('log', `${lines}; exit 1`, policy),
        aScript('fine', `${lines}; exit 0`, policy),
      ],
    });
    const pod = await e2e.waitForPod('messages', 'to fail', hasPhase('Failed'));
    const [file = '', log = '', fine = ''] = ['file', 'log', 'fine'].map(
      (name) => statusOf(pod, name)?.state?.terminated?.message,
    );
    expect(file).toBe('x'.repeat(4096));
    expect(log.trim().split('\n')).toEqual(Array.from({ length: 80 }, (_, i) => `line ${i + 120}`));
    expect(fine).toBe('');
  });
});

describe('a probe', () => {
  it('of liveness that fails restarts the container, and is reported', async () => {
    const livenessProbe = { ...open('alive-never'), failureThreshold: 1 };
    await createPod(e2e, 'liveness', { containers: [aScript('app', SERVES, { livenessProbe })] });
    await e2e.waitForPod('liveness', 'to be restarted', (pod) => {
      return (statusOf(pod, 'app')?.restartCount ?? 0) >= 1;
    });
    const event = await waitForEvent(e2e, 'liveness', { reason: 'Unhealthy' });
    expect(event).toMatchObject({
      type: 'Warning',
      message: expect.stringMatching(/^Liveness probe failed: /),
      involvedObject: { fieldPath: 'spec.containers{app}' },
      source: { component: 'kubelet' },
    });
    await waitForEvent(e2e, 'liveness', {
      reason: 'Killing',
      message: 'Container app failed liveness probe, will be restarted',
    });
  });

  it("is counted in the kubelet's metrics", async () => {
    const readinessProbe = { exec: { command: ['true'] }, ...PATIENT };
    await createPod(e2e, 'counted', { containers: [aScript('app', SERVES, { readinessProbe })] });
    await e2e.waitForPod('counted', 'to be ready', isReady);
    const kubectl = (await findKubectls()).at(-1)!.path;
    const raw = async (path: string) => {
      const url = `/api/v1/nodes/${e2e.cluster.nodeName}/proxy${path}`;
      const argv = [kubectl, '--kubeconfig', e2e.cluster.kubeconfig, 'get', '--raw', url];
      return (await tryCommand(argv)).stdout;
    };
    const labels = ['probe_type="Readiness"', 'result="successful"', 'pod="counted"'];
    const isCounted = async () =>
      (await raw('/metrics/probes'))
        .split('\n')
        .filter((line) => line.startsWith('prober_probe_total{'))
        .some((line) => labels.every((label) => line.includes(label)));
    await waitFor(isCounted, { what: 'a probe to be counted' });
    const page = await raw('/metrics');
    for (const series of [
      'process_resident_memory_bytes ',
      'kubernetes_build_info{major="1",minor="36",',
      'rest_client_requests_total{code="201",method="POST",',
      'kubelet_running_pods ',
      'kubelet_pleg_relist_duration_seconds_count ',
      'kubelet_runtime_operations_total{operation_type="run_podsandbox"} ',
      'kubelet_started_containers_total{container_type="container"} ',
      'kubelet_pod_start_duration_seconds_count ',
      'kubelet_pod_start_sli_duration_seconds_count ',
      'kubelet_pod_worker_duration_seconds_count{operation_type="create"} ',
      'kubelet_pod_status_sync_duration_seconds_count ',
      'kubelet_desired_pods{static=""} ',
    ]) {
      expect(page).toContain(`\n${series}`);
    }
  });

  it('of readiness that fails restarts nothing, and is reported once and counted', async () => {
    const readinessProbe = { ...open('ready'), failureThreshold: 1 };
    await createPod(e2e, 'readiness', { containers: [aScript('app', SERVES, { readinessProbe })] });
    await waitFor(
      async () =>
        (await eventsOf(e2e, 'readiness')).some(
          ({ reason, count = 0 }) => reason === 'Unhealthy' && count >= 2,
        ),
      { what: 'two failures in one event' },
    );
    const before = await e2e.getPod('readiness');
    expect(conditionOf(before, 'Ready')).toBe('False ContainersNotReady');
    expect(statusOf(before, 'app')).toMatchObject({ ready: false, started: true, restartCount: 0 });
    await touch('ready');
    const pod = await e2e.waitForPod('readiness', 'to be ready', isReady);
    expect(statusOf(pod, 'app')?.restartCount).toBe(0);
  });

  it('of startup delays the others', async () => {
    await createPod(e2e, 'startup', {
      containers: [
        aScript('app', SERVES, {
          startupProbe: { ...open('started'), failureThreshold: 1000 },
          readinessProbe: { exec: { command: ['true'] }, ...PATIENT },
          livenessProbe: { ...open('started'), failureThreshold: 1 },
        }),
      ],
    });
    await waitForEvent(e2e, 'startup', { reason: 'Unhealthy', message: 'Startup probe failed' });
    const before = await e2e.getPod('startup');
    expect(statusOf(before, 'app')).toMatchObject({ started: false, ready: false });
    await touch('started');
    const pod = await e2e.waitForPod('startup', 'to be ready', isReady);
    expect(statusOf(pod, 'app')).toMatchObject({ started: true, restartCount: 0 });
    const told = await eventsOf(e2e, 'startup');
    expect(told.some(({ message = '' }) => message.startsWith('Liveness'))).toBe(false);
  });

  it('of startup that fails kills within its own grace period', async () => {
    const stubborn = "trap '' TERM; while :; do sleep 1000 & wait $!; done";
    const startupProbe = {
      ...open('started-never'),
      failureThreshold: 1,
      terminationGracePeriodSeconds: 1,
    };
    await createPod(e2e, 'startup-fails', {
      terminationGracePeriodSeconds: 3600,
      containers: [aScript('app', stubborn, { startupProbe })],
    });
    const pod = await e2e.waitForPod('startup-fails', 'to be restarted', (seen) => {
      return (statusOf(seen, 'app')?.restartCount ?? 0) >= 1;
    });
    expect(statusOf(pod, 'app')?.lastState?.terminated?.exitCode).toBe(137);
    await waitForEvent(e2e, 'startup-fails', {
      reason: 'Killing',
      message: 'Container app failed startup probe, will be restarted',
    });
    await e2e.client.delete(
      PODS,
      { namespace: e2e.namespace, name: 'startup-fails' },
      { gracePeriodSeconds: 1 },
      never,
    );
  });

  it('fails when its command takes too long', async () => {
    const livenessProbe = {
      exec: { command: ['sleep', '100'] },
      periodSeconds: 1,
      timeoutSeconds: 1,
      failureThreshold: 1000,
    };
    await createPod(e2e, 'exec-late', { containers: [aScript('app', SERVES, { livenessProbe })] });
    await waitForEvent(e2e, 'exec-late', {
      reason: 'Unhealthy',
      message: /Liveness probe failed: command timed out: "sleep 100" timed out after 1s/,
    });
  });

  it('by gRPC fails on a port without a listener', async () => {
    const livenessProbe = { grpc: { port: 5000 }, periodSeconds: 1, failureThreshold: 1 };
    await createPod(e2e, 'grpc', { containers: [aScript('app', SERVES, { livenessProbe })] });
    await e2e.waitForPod('grpc', 'to be restarted', (pod) => {
      return (statusOf(pod, 'app')?.restartCount ?? 0) >= 1;
    });
    await waitForEvent(e2e, 'grpc', { reason: 'Unhealthy', message: 'failed to connect service' });
  });

  const readiness = (probe: object) => ({ readinessProbe: { periodSeconds: 1, ...probe } });

  it('reaches container ports by name, by TCP and with given headers', async () => {
    const ports = [{ name: 'web', containerPort: 8081 }];
    await createPod(e2e, 'served', {
      initContainers: [
        aScript('sidecar', SERVES, {
          restartPolicy: 'Always',
          env: [{ name: 'COLOR', value: 'blue' }],
          command: ['sleep', '1000'],
          ...readiness({ exec: { command: ['test', '$(COLOR)', '=', 'blue'] } }),
        }),
      ],
      containers: [
        aScript('web', 'echo hello > /tmp/x; exec httpd -f -p 8081 -h /tmp', {
          ports,
          ...readiness({ httpGet: { port: 'web', path: '/x?y=1' } }),
        }),
        aScript('open', SERVES, { ports, ...readiness({ tcpSocket: { port: 'web' } }) }),
        aScript('closed', SERVES, readiness({ tcpSocket: { port: 8084 } })),
      ],
    });
    const ready = ['sidecar', 'web', 'open'];
    const pod = await e2e.waitForPod('served', 'to be ready where it can be', (seen) => {
      return ready.every((name) => statusOf(seen, name)?.ready === true);
    });
    const { message } =
      pod.status?.conditions?.find(({ type }) => type === 'ContainersReady') ?? {};
    expect(message).toBe('containers with unready status: [closed]');
    await deletePod(e2e, 'served', 0);
  });

  it.each([
    [
      'shows the status code',
      'answers',
      { httpGet: { port: 8081, path: '/none' } },
      'HTTP probe failed with statuscode: 404',
    ],
    [
      'shows that nothing listens',
      'silent',
      { tcpSocket: { port: 8084 } },
      'dial tcp IP:8084: connect: connection refused',
    ],
  ])('that fails %s', async (_, name, probe, text) => {
    const script = 'exec httpd -f -p 8081 -h /tmp';
    // all events of a pod share one budget: failures before the server listens must not use it up
    const seldom = readiness({ ...probe, periodSeconds: 3 });
    await createPod(e2e, name, { containers: [aScript('app', script, seldom)] });
    const { status } = await e2e.waitForPod(name, 'to have an address', (pod) => {
      return pod.status?.podIP !== undefined;
    });
    const message = `Readiness probe failed: ${text.replace('IP', status?.podIP ?? '')}`;
    await waitForEvent(e2e, name, { reason: 'Unhealthy', message });
    await deletePod(e2e, name, 0);
  });

  it('of an unknown port name is reported as an error', async () => {
    const probe = readiness({ httpGet: { port: 'admin', path: '/' }, periodSeconds: 3 });
    await createPod(e2e, 'lost', { containers: [aScript('app', SERVES, probe)] });
    const message = 'Readiness probe errored and resulted in unknown state: ';
    await waitForEvent(e2e, 'lost', { reason: 'Unhealthy', message });
    await deletePod(e2e, 'lost', 0);
  });

  it('of liveness that fails ends a container that must not be restarted', async () => {
    const livenessProbe = { ...open('alive-never'), failureThreshold: 1 };
    await createPod(e2e, 'ends', {
      restartPolicy: 'Never',
      containers: [aScript('app', SERVES, { livenessProbe })],
    });
    const pod = await e2e.waitForPod('ends', 'to have ended', ({ status }) => {
      return status?.phase === 'Succeeded' || status?.phase === 'Failed';
    });
    expect(statusOf(pod, 'app')?.restartCount).toBe(0);
    const event = await waitForEvent(e2e, 'ends', { reason: 'Killing' });
    expect(event.message).toBe('Container app failed liveness probe');
  });
});
