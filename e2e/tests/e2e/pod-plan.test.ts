import { createCriClient } from '@nodeagent/cri-client/grpc';
import { PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { joinCgroup } from './cgroups.ts';
import { useCluster } from './fixture.ts';
import {
  aScript,
  conditionOf,
  createPod,
  deletePod,
  hasPhase,
  isGone,
  isRunning,
  ledgerOf,
  SERVES,
  servesAndThen,
  statusOf,
  untilSaid,
  waitForEvent,
} from './pods.ts';

const e2e = useCluster();
const never = new AbortController().signal;
let cri: ReturnType<typeof createCriClient>;

beforeAll(() => {
  const { endpoint } = e2e.cluster.containerd;
  cri = createCriClient({ endpoint, requestTimeoutMs: 30_000, onWarning: () => undefined });
});
afterAll(() => cri.close());

const update = (name: string, body: object, subresource?: string) =>
  e2e.client.patch(
    PODS,
    { namespace: e2e.namespace, name },
    { type: 'strategic-merge', body, ...(subresource && { subresource }) },
    never,
  );

describe('a container that ends', () => {
  it('is restarted at once, then backed off, and reports until when', async () => {
    await createPod(e2e, 'crashes', { containers: [aScript('app', 'exit 7')] });
    const pod = await e2e.waitForPod('crashes', 'to be held back', (seen) => {
      return statusOf(seen, 'app')?.state?.waiting?.reason === 'CrashLoopBackOff';
    });
    const app = statusOf(pod, 'app');
    const who = `crashes_${e2e.namespace}(${pod.metadata?.uid})`;
    expect(app?.state?.waiting?.message).toBe(
      `back-off 10s restarting failed container=app pod=${who}`,
    );
    expect(app?.restartCount).toBe(1);
    expect(app?.lastState?.terminated).toMatchObject({ exitCode: 7, reason: 'Error' });
    expect(pod.status?.phase).toBe('Running');
    const event = await waitForEvent(e2e, 'crashes', { reason: 'BackOff' });
    expect(event).toMatchObject({
      type: 'Warning',
      message: `Back-off restarting failed container app in pod ${who}`,
      involvedObject: { fieldPath: 'spec.containers{app}' },
    });
  });

  it('with success stays ended under OnFailure, and with failure is restarted', async () => {
    await createPod(e2e, 'on-failure', {
      restartPolicy: 'OnFailure',
      containers: [
        aScript('good', 'exit 0'),
        aScript('bad', '[ -e /ledger/again ] || { : > /ledger/again; exit 1; }'),
      ],
    });
    const pod = await e2e.waitForPod('on-failure', 'to end', hasPhase('Succeeded'));
    expect(statusOf(pod, 'good')).toMatchObject({
      restartCount: 0,
      state: { terminated: { reason: 'Completed' } },
    });
    expect(statusOf(pod, 'bad')?.restartCount).toBe(1);
    expect(conditionOf(pod, 'Ready')).toBe('False PodCompleted');
    expect(pod.status?.podIP).not.toBe('');
  });

  it('is restarted by a rule of its own for its exit code', async () => {
    const rule = { action: 'Restart', exitCodes: { operator: 'In', values: [42] } };
    const script = '[ -e /ledger/ruled ] && exit 9; : > /ledger/ruled; exit 42';
    await createPod(e2e, 'rules', {
      restartPolicy: 'Never',
      containers: [aScript('app', script, { restartPolicy: 'Never', restartPolicyRules: [rule] })],
    });
    const pod = await e2e.waitForPod('rules', 'to fail', hasPhase('Failed'));
    expect(statusOf(pod, 'app')).toMatchObject({
      restartCount: 1,
      state: { terminated: { exitCode: 9 } },
      lastState: { terminated: { exitCode: 42 } },
    });
  });

  it('restarts its whole pod in the same sandbox when a rule says so', async () => {
    const rule = { action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } };
    const script = `[ -e /ledger/once ] || { : > /ledger/once; exit 42; }; ${SERVES}`;
    await createPod(e2e, 'anew', {
      restartPolicy: 'Never',
      initContainers: [aScript('init', 'say runs')],
      containers: [
        aScript('app', SERVES),
        aScript('source', script, { restartPolicy: 'Never', restartPolicyRules: [rule] }),
      ],
    });
    const pod = await e2e.waitForPod('anew', 'to run again', (seen) => {
      return isRunning('app', 'source')(seen) && statusOf(seen, 'source')?.restartCount === 1;
    });
    expect(['init', 'app'].map((name) => statusOf(pod, name)?.restartCount)).toEqual([1, 1]);
    await untilSaid(e2e, 'anew', ...['init runs', 'init runs', 'app runs', 'source runs']);
    expect(conditionOf(pod, 'AllContainersRestarting')).toBe('False');
    const labels = { 'io.kubernetes.pod.uid': pod.metadata?.uid ?? '' };
    expect(await cri.runtime.listPodSandbox({ labels }, never)).toHaveLength(1);
  });

  it('is stopped when the pod has been active for too long', async () => {
    await createPod(e2e, 'deadline', {
      activeDeadlineSeconds: 2,
      containers: [aScript('app', SERVES)],
    });
    const pod = await e2e.waitForPod('deadline', 'to fail', hasPhase('Failed'));
    expect(pod.status?.reason).toBe('DeadlineExceeded');
    await waitForEvent(e2e, 'deadline', { reason: 'DeadlineExceeded' });
  });
});

describe('init containers', () => {
  it('run one after the other, and not again after a kubelet restart', async () => {
    await createPod(e2e, 'inits', {
      initContainers: [aScript('one', 'say in; sleep 0.3; say out'), aScript('two', 'say in')],
      containers: [aScript('app', SERVES)],
    });
    const before = await e2e.waitForPod('inits', 'to run', isRunning('app'));
    await untilSaid(e2e, 'inits', 'app runs');
    expect(await ledgerOf(e2e, 'inits')).toEqual(['one in', 'one out', 'two in', 'app runs']);
    expect(conditionOf(before, 'Initialized')).toBe('True');
    await e2e.cluster.kubelet.kill9();
    await e2e.cluster.kubelet.start();
    await createPod(e2e, 'after-inits', { containers: [aScript('app', SERVES)] });
    await e2e.waitForPod('after-inits', 'to run', isRunning('app'));
    const after = await e2e.getPod('inits');
    expect(after.status?.initContainerStatuses).toEqual(before.status?.initContainerStatuses);
    expect(after.status?.containerStatuses).toEqual(before.status?.containerStatuses);
    expect(await ledgerOf(e2e, 'inits')).toHaveLength(4);
  });

  it.each([
    ['Never', 'Failed', undefined],
    ['Always', 'Pending', 'CrashLoopBackOff'],
  ] as const)('that fail under %s leave the pod %s', async (restartPolicy, phase, waiting) => {
    const name = `init-${restartPolicy.toLowerCase()}`;
    await createPod(e2e, name, {
      restartPolicy,
      initContainers: [aScript('init', 'exit 3')],
      containers: [aScript('app', 'say runs')],
    });
    const pod = await e2e.waitForPod(name, `to be ${phase}`, (seen) => {
      const reason = statusOf(seen, 'init')?.state?.waiting?.reason;
      return seen.status?.phase === phase && reason === waiting && seen.status.podIP !== undefined;
    });
    expect(conditionOf(pod, 'Initialized')).toBe('False ContainersNotInitialized');
    expect(statusOf(pod, 'app')?.state?.waiting?.reason).toBe('PodInitializing');
    expect(await ledgerOf(e2e, name)).toEqual([]);
  });
});

describe('sidecars', () => {
  it('start before later containers, and end last, in reverse order', async () => {
    const sidecar = { restartPolicy: 'Always' };
    const probe = { exec: { command: ['test', '-e', '/ledger/open'] }, periodSeconds: 1 };
    // Hooks do not wait for their turn: otherwise no container would ever stop.
    const afterHook = 'until grep -q "s1 hook" /ledger/$POD; do sleep 0.1; done';
    await createPod(e2e, 'sidecars', {
      terminationGracePeriodSeconds: 30,
      initContainers: [
        aScript('s1', SERVES, {
          ...sidecar,
          startupProbe: { ...probe, failureThreshold: 100, timeoutSeconds: 30 },
          lifecycle: {
            preStop: { exec: { command: ['sh', '-c', 'echo s1 hook >> /ledger/$POD'] } },
          },
        }),
        aScript('init', 'say runs'),
        aScript('s2', SERVES, sidecar),
      ],
      containers: [aScript('app', servesAndThen(afterHook))],
    });
    await e2e.waitForPod('sidecars', 'to have its first sidecar', isRunning('s1'));
    await untilSaid(e2e, 'sidecars', 's1 runs');
    expect(await ledgerOf(e2e, 'sidecars')).toEqual(['s1 runs']);
    const exec = ['busybox', 'touch', `${e2e.cluster.space.dir}/ledger/open`];
    await e2e.cluster.space.run(exec);
    await e2e.waitForPod('sidecars', 'to run', isRunning('s1', 's2', 'app'));
    await untilSaid(e2e, 'sidecars', 's2 runs', 'app runs');
    await deletePod(e2e, 'sidecars');
    await waitFor(() => isGone(e2e, 'sidecars'), { what: 'the pod to be gone' });
    const said = await ledgerOf(e2e, 'sidecars');
    expect(said.filter((line) => line.endsWith('runs'))).toEqual([
      ...['s1 runs', 'init runs', 's2 runs', 'app runs'],
    ]);
    expect(said.filter((line) => line.endsWith('stops'))).toEqual([
      ...['app stops', 's2 stops', 's1 stops'],
    ]);
    expect(said.indexOf('s1 hook')).toBeLessThan(said.indexOf('app stops'));
  });

  it('are restarted beside running containers', async () => {
    const script = `[ -e /ledger/s ] || { : > /ledger/s; exit 1; }; ${SERVES}`;
    await createPod(e2e, 'sidecar-ends', {
      initContainers: [aScript('side', script, { restartPolicy: 'Always' })],
      containers: [aScript('app', SERVES)],
    });
    const pod = await e2e.waitForPod('sidecar-ends', 'to run', (seen) => {
      return isRunning('side', 'app')(seen) && statusOf(seen, 'side')?.restartCount === 1;
    });
    expect(statusOf(pod, 'app')?.restartCount).toBe(0);
  });
});

describe('hooks', () => {
  it('before the stop use part of the grace period', async () => {
    const command = ['sh', '-c', 'echo app hook >> /ledger/$POD'];
    const script = SERVES;
    await createPod(e2e, 'pre-stop', {
      containers: [aScript('app', script, { lifecycle: { preStop: { exec: { command } } } })],
    });
    await e2e.waitForPod('pre-stop', 'to run', isRunning('app'));
    await untilSaid(e2e, 'pre-stop', 'app runs');
    await deletePod(e2e, 'pre-stop');
    await waitFor(() => isGone(e2e, 'pre-stop'), { what: 'the pod to be gone' });
    expect(await ledgerOf(e2e, 'pre-stop')).toEqual(['app runs', 'app hook', 'app stops']);
  });

  it('after the start restart the container when they fail', async () => {
    const lifecycle = { postStart: { exec: { command: ['false'] } } };
    await createPod(e2e, 'post-start', { containers: [aScript('app', SERVES, { lifecycle })] });
    const pod = await e2e.waitForPod('post-start', 'to be restarted', (seen) => {
      return (statusOf(seen, 'app')?.restartCount ?? 0) > 0;
    });
    expect(pod.status?.phase).not.toBe('Failed');
    await waitForEvent(e2e, 'post-start', {
      reason: 'FailedPostStartHook',
      message: 'PostStartHook failed',
    });
    await waitForEvent(e2e, 'post-start', { reason: 'Killing', message: 'FailedPostStartHook' });
    await e2e.waitForPod('post-start', 'to show the reason', (seen) => {
      const reason = statusOf(seen, 'app')?.state?.waiting?.reason ?? '';
      return ['PostStartHookError', 'CrashLoopBackOff'].includes(reason);
    });
  });
});

describe('an end', () => {
  const stubborn = "trap '' TERM; say runs; while :; do sleep 1000 & wait $!; done";

  it('that takes long is shortened by a second delete', async () => {
    await createPod(e2e, 'slow', {
      terminationGracePeriodSeconds: 600,
      containers: [aScript('app', stubborn)],
    });
    await untilSaid(e2e, 'slow', 'app runs');
    await deletePod(e2e, 'slow');
    await waitForEvent(e2e, 'slow', { reason: 'Killing', message: 'Stopping container app' });
    const dying = await e2e.getPod('slow');
    expect(dying.metadata?.deletionTimestamp).toBeDefined();
    expect(isRunning('app')(dying)).toBe(true);
    await deletePod(e2e, 'slow', 1);
    await waitFor(() => isGone(e2e, 'slow'), { what: 'the pod to be gone' });
  });

  it('by force leaves nothing behind either', async () => {
    const { metadata } = await createPod(e2e, 'forced', { containers: [aScript('app', stubborn)] });
    await e2e.waitForPod('forced', 'to run', isRunning('app'));
    await deletePod(e2e, 'forced', 0);
    const labels = { 'io.kubernetes.pod.uid': metadata?.uid ?? '' };
    const isClean = async () => {
      const left = await cri.runtime.listPodSandbox({ labels }, never);
      return (
        left.length === 0 && (await cri.runtime.listContainers({ labels }, never)).length === 0
      );
    };
    await waitFor(isClean, { what: 'containers and sandboxes to be gone' });
    const ls = ['busybox', 'ls', `${e2e.cluster.space.dir}/kubelet/root/pods`];
    const isAway = async () => !(await e2e.cluster.space.run(ls)).includes(metadata?.uid ?? '?');
    await waitFor(isAway, { what: "the pod's directory to be gone" });
  });

  it('kills other processes in the cgroup of the pod', async () => {
    await createPod(e2e, 'outlived', { containers: [aScript('app', SERVES)] });
    const pod = await e2e.waitForPod('outlived', 'to run', isRunning('app'));
    const beside = await e2e.cluster.space.start('beside', ['sleep', '1000']);
    await joinCgroup(e2e.cluster, pod, beside.pid);
    await deletePod(e2e, 'outlived');
    await waitFor(() => isGone(e2e, 'outlived'), { what: 'the pod to be gone' });
    expect(await beside.ended).toBe('SIGKILL');
  });

  it('does not wait for an image pull, and does not block other pulls', async () => {
    const { space } = e2e.cluster;
    // Two registries that never answer but report their clients.
    const listen =
      "for (const port of [5101, 5102]) require('net')" +
      '.createServer(() => console.log(`came to ${port}`)).listen(port)';
    const silent = await space.start('silent', [process.execPath, '-e', listen]);
    try {
      const came = (port: number): boolean => silent.logTail().includes(`came to ${port}`);
      const pull = async (name: string, port: number): Promise<void> => {
        const image = `127.0.0.1:${port}/never:1`;
        await createPod(e2e, name, {
          containers: [aScript('app', SERVES, { image, imagePullPolicy: 'Always' })],
        });
        await waitForEvent(e2e, name, { reason: 'Pulling', message: image });
      };
      await pull('pulls', 5101);
      await waitFor(() => came(5101), { what: 'the first image to be asked for' });
      await pull('pulls-next', 5102);
      await createPod(e2e, 'meanwhile', { containers: [aScript('app', SERVES)] });
      await e2e.waitForPod('meanwhile', 'to run', isRunning('app'));
      expect(came(5102)).toBe(false); // images are pulled one after the other
      await deletePod(e2e, 'pulls', 600);
      await waitFor(() => isGone(e2e, 'pulls'), { what: 'the first pod to be gone' });
      await waitFor(() => came(5102), { what: 'the second image to be asked for' });
      await deletePod(e2e, 'pulls-next', 600);
      await waitFor(() => isGone(e2e, 'pulls-next'), { what: 'the second pod to be gone' });
    } finally {
      await silent.stop();
    }
  });
});

describe('a change', () => {
  it('of the image restarts the container, one of a label does not', async () => {
    await createPod(e2e, 'changes', { containers: [aScript('app', SERVES)] });
    const before = statusOf(await e2e.waitForPod('changes', 'to run', isRunning('app')), 'app');
    await update('changes', { metadata: { labels: { a: 'b' } } });
    await update('changes', {
      spec: { containers: [{ name: 'app', image: 'nodeagent.test/web:1' }] },
    });
    await waitForEvent(e2e, 'changes', {
      reason: 'Killing',
      message: 'Container app definition changed, will be restarted',
    });
    const pod = await e2e.waitForPod('changes', 'to run again', (seen) => {
      return isRunning('app')(seen) && statusOf(seen, 'app')?.restartCount === 1;
    });
    expect(statusOf(pod, 'app')?.containerID).not.toBe(before?.containerID);
    expect(statusOf(pod, 'app')?.image).toBe('nodeagent.test/web:1');
  });

  it('of the sandbox, which died, restarts everything', async () => {
    const { metadata } = await createPod(e2e, 'sandbox', {
      initContainers: [aScript('init', 'say runs')],
      containers: [aScript('app', SERVES)],
    });
    await e2e.waitForPod('sandbox', 'to run', isRunning('app'));
    const labels = { 'io.kubernetes.pod.uid': metadata?.uid ?? '' };
    const [first] = await cri.runtime.listPodSandbox({ labels }, never);
    await e2e.cluster.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', first?.id ?? '');
    await waitForEvent(e2e, 'sandbox', {
      reason: 'SandboxChanged',
      message: 'Pod sandbox changed, it will be killed and re-created.',
    });
    const pod = await e2e.waitForPod('sandbox', 'to run again', (seen) => {
      return isRunning('app')(seen) && statusOf(seen, 'app')?.restartCount === 1;
    });
    expect(conditionOf(pod, 'PodReadyToStartContainers')).toBe('True');
    expect(statusOf(pod, 'init')?.restartCount).toBe(1);
    const ready = await cri.runtime.listPodSandbox({ labels, state: 'ready' }, never);
    expect(ready.map((sandbox) => sandbox.metadata?.attempt)).toEqual([1]);
    expect((await ledgerOf(e2e, 'sandbox')).filter((line) => line === 'init runs')).toHaveLength(2);
  });

  it('adds an ephemeral container, which runs once', async () => {
    await createPod(e2e, 'debugged', { containers: [aScript('app', SERVES)] });
    const before = await e2e.waitForPod('debugged', 'to run', isRunning('app'));
    const debug = {
      name: 'debug',
      image: 'nodeagent.test/busybox:1',
      imagePullPolicy: 'Never',
      targetContainerName: 'app',
      command: ['sh', '-c', 'ls /proc | grep -c "^[0-9]" > /dev/termination-log; exit 5'],
    };
    await update('debugged', { spec: { ephemeralContainers: [debug] } }, 'ephemeralcontainers');
    const pod = await e2e.waitForPod('debugged', 'to have been looked into', (seen) => {
      return statusOf(seen, 'debug')?.state?.terminated !== undefined;
    });
    const { exitCode, message = '' } = statusOf(pod, 'debug')?.state?.terminated ?? {};
    expect(exitCode).toBe(5);
    // It sees the processes of its target beside its own three.
    expect(Number(message)).toBeGreaterThan(3);
    expect(pod.status?.phase).toBe('Running');
    expect(statusOf(pod, 'app')?.containerID).toBe(statusOf(before, 'app')?.containerID);
  });
});
