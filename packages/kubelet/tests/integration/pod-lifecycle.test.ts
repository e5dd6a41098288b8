import {
  type ContainerStatus,
  isKubeError,
  type KubeClient,
  NODES,
  type Pod,
  PODS,
} from '@nodeagent/kube-client';
import { ifStarted, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { NODE_NAME, type RealNode, type RunningKubelet, startRealNode } from './real-node.js';

let node: RealNode;
let kubelet: RunningKubelet;
const { signal } = new AbortController();

/** The kubelet's patches of pods, with the pod's name. */
const written: (readonly [string, unknown])[] = [];

function noting(client: KubeClient): KubeClient {
  return {
    get: (resource, name, end) => client.get(resource, name, end),
    list: (resource, options, end) => client.list(resource, options, end),
    watch: (resource, options, end) => client.watch(resource, options, end),
    create: (resource, object, end) => client.create(resource, object, end),
    replace: (resource, object, options, end) => client.replace(resource, object, options, end),
    patch: (resource, name, patch, end) => {
      if (resource.plural === 'pods') written.push([name.name, patch.body]);
      return client.patch(resource, name, patch, end);
    },
    delete: (resource, name, options, end) => client.delete(resource, name, options, end),
    createSubresource: (target, body, end) => client.createSubresource(target, body, end),
  };
}

beforeAll(async () => {
  node = await startRealNode('kubelet-life');
  kubelet = node.startKubelet({ client: noting(node.user) });
  await waitFor(
    async () => {
      const { status } = await node.user.get(NODES, { name: NODE_NAME }, signal);
      return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
    },
    { what: 'the node to be ready' },
  );
});

afterAll(async () => {
  await ifStarted(kubelet)?.stop();
  await ifStarted(node)?.stop();
});

function web(name: string, parts: Partial<NonNullable<Pod['spec']>> = {}): Pod {
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      nodeName: NODE_NAME,
      terminationGracePeriodSeconds: 5,
      ...parts,
      containers: parts.containers ?? [
        {
          name: 'web',
          image: 'nodeagent.test/web:1',
          readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
        },
      ],
    },
  };
}

const get = (name: string): Promise<Pod> =>
  node.user.get(PODS, { namespace: 'default', name }, signal);

/** Polls a pod; the error message contains its current state. */
async function until(name: string, what: string, holds: (pod: Pod) => boolean): Promise<Pod> {
  let last: Pod | undefined;
  try {
    await waitFor(
      async () => {
        last = await get(name);
        return holds(last);
      },
      { what },
    );
  } catch (cause) {
    const seen = JSON.stringify(last?.status, undefined, 1);
    const log = kubelet.log.lines
      .slice(-20)
      .map((line) => JSON.stringify(line))
      .join('\n');
    throw new Error(`${what}: the pod is ${seen}\n${log}`, { cause });
  }
  return last as unknown as Pod;
}

const untilGone = (name: string): Promise<unknown> =>
  waitFor(
    async () => {
      const answer = await get(name).catch((error: unknown) => error);
      return isKubeError(answer, 'KUBE_NOT_FOUND');
    },
    { what: `pod ${name} to be gone` },
  );

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;

const first = ({ status }: Pod): ContainerStatus | undefined => status?.containerStatuses?.[0];

/** The container's id in the runtime. */
const idOf = (pod: Pod): string => first(pod)?.containerID?.replace('containerd://', '') ?? '';

describe('a pod on containerd', () => {
  it('runs, becomes ready, is restarted after a kill, and leaves nothing behind', async () => {
    await node.user.create(PODS, web('life'), signal);
    const ready = await until('life', 'life to be ready', isReady);
    expect(ready.status).toMatchObject({ phase: 'Running', qosClass: 'BestEffort' });
    expect(ready.status?.podIP).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    const uid = ready.metadata?.uid ?? '';

    await node.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', idOf(ready));
    const again = await until(
      'life',
      'life to be ready after its restart',
      (pod) => isReady(pod) && first(pod)?.restartCount === 1,
    );
    expect(idOf(again)).not.toBe(idOf(ready));
    expect(first(again)?.lastState?.terminated).toMatchObject({ exitCode: 137 });
    expect(again.status?.podIP).toBe(ready.status?.podIP);

    await node.user.delete(PODS, { namespace: 'default', name: 'life' }, {}, signal);
    await untilGone('life');
    const labels = { 'io.kubernetes.pod.uid': uid };
    expect(await node.cri.runtime.listPodSandbox({ labels }, signal)).toEqual([]);
    expect(await node.cri.runtime.listContainers({ labels }, signal)).toEqual([]);
  });

  it('is reported by patches of the changed fields only', async () => {
    const patches = () => written.filter(([name]) => name === 'told').map(([, body]) => body);
    const keys = () =>
      patches().flatMap((body) => Object.keys((body as Readonly<{ status: object }>).status));
    const times = (key: string): number => keys().filter((each) => each === key).length;
    const pod = await node.user.create(PODS, web('told'), signal);
    await until('told', 'told to be ready', isReady);
    for (const key of ['observedGeneration', 'startTime', 'podIP', 'podIPs']) {
      expect([key, times(key)]).toEqual([key, 1]);
    }
    expect(times('qosClass')).toBe(0); // the API server has set it itself
    for (const body of patches()) {
      expect(body).toMatchObject({ metadata: { uid: pod.metadata?.uid } });
    }
    const before = patches().length;
    const body = { metadata: { labels: { looked: 'again' } } };
    await node.user.patch(
      PODS,
      { namespace: 'default', name: 'told' },
      { type: 'merge', body },
      signal,
    );
    await node.user.create(PODS, web('beside'), signal);
    await until('beside', 'beside to be ready', isReady);
    expect(patches()).toHaveLength(before);
    for (const name of ['told', 'beside']) {
      await node.user.delete(PODS, { namespace: 'default', name }, {}, signal);
      await untilGone(name);
    }
  });

  it('runs init containers one after the other, sharing a volume', async () => {
    const volumeMounts = [{ name: 'work', mountPath: '/work' }];
    const step = (name: string, script: string) => ({
      name,
      image: 'nodeagent.test/busybox:1',
      command: ['sh', '-c', script],
      volumeMounts,
    });
    const pod = web('steps', {
      restartPolicy: 'Never',
      volumes: [{ name: 'work', emptyDir: {} }],
      initContainers: [step('one', 'echo one > /work/f'), step('two', 'echo two >> /work/f')],
      containers: [step('check', '[ "$(cat /work/f | tr "\\n" " ")" = "one two " ]')],
    });
    await node.user.create(PODS, pod, signal);
    const done = await until('steps', 'steps to end', ({ status }) =>
      ['Succeeded', 'Failed'].includes(status?.phase ?? ''),
    );
    expect(done.status?.phase).toBe('Succeeded');
    expect(first(done)?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    await node.user.delete(PODS, { namespace: 'default', name: 'steps' }, {}, signal);
    await untilGone('steps');
  });

  it('shows why an image cannot be pulled', async () => {
    const pod = web('lost', {
      containers: [{ name: 'c', image: 'nodeagent.test/none:1', imagePullPolicy: 'Never' }],
    });
    await node.user.create(PODS, pod, signal);
    const waiting = await until(
      'lost',
      'lost to wait',
      (now) => first(now)?.state?.waiting?.reason === 'ErrImageNeverPull',
    );
    expect(waiting.status?.phase).toBe('Pending');
    await node.user.delete(PODS, { namespace: 'default', name: 'lost' }, {}, signal);
    await untilGone('lost');
  });

  it('gives a restarted container its initial delay again', async () => {
    // The first run never becomes healthy; the second does, but needs a moment.
    const script =
      'n=$(cat /v/runs 2>/dev/null || echo 0); echo $((n + 1)) > /v/runs; ' +
      'trap "exit 0" TERM; [ $n -gt 0 ] && { sleep 1; touch /v/well; }; while :; do sleep 0.1; done';
    const isWell = { exec: { command: ['test', '-e', '/v/well'] }, timeoutSeconds: 30 };
    const pod = web('slow', {
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        {
          name: 'c',
          image: 'nodeagent.test/busybox:1',
          command: ['sh', '-c', script],
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
          livenessProbe: {
            ...isWell,
            initialDelaySeconds: 5,
            periodSeconds: 5,
            failureThreshold: 1,
          },
          readinessProbe: { ...isWell, initialDelaySeconds: 6, periodSeconds: 1 },
        },
      ],
    });
    await node.user.create(PODS, pod, signal);
    const ready = await until('slow', 'slow to be ready', isReady);
    expect(first(ready)?.restartCount).toBe(1);
    await node.user.delete(PODS, { namespace: 'default', name: 'slow' }, {}, signal);
    await untilGone('slow');
  });

  it('keeps counting the restarts of init containers when its sandbox is replaced', async () => {
    const init = { name: 'init', image: 'nodeagent.test/busybox:1', command: ['true'] };
    const { metadata } = await node.user.create(
      PODS,
      web('resandboxed', { initContainers: [init] }),
      signal,
    );
    await until('resandboxed', 'resandboxed to be ready', isReady);
    const labels = { 'io.kubernetes.pod.uid': metadata?.uid ?? '' };
    for (const count of [1, 2]) {
      const [sandbox] = await node.cri.runtime.listPodSandbox({ labels, state: 'ready' }, signal);
      await node.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', sandbox?.id ?? '');
      const again = await until(
        'resandboxed',
        'resandboxed to be ready again',
        (pod) => isReady(pod) && first(pod)?.restartCount === count,
      );
      expect(again.status?.initContainerStatuses?.[0]?.restartCount).toBe(count);
    }
    await node.user.delete(PODS, { namespace: 'default', name: 'resandboxed' }, {}, signal);
    await untilGone('resandboxed');
  });

  it('is killed after its grace period if it ignores the stop signal', async () => {
    const pod = web('stubborn', {
      terminationGracePeriodSeconds: 2,
      containers: [
        {
          name: 'c',
          image: 'nodeagent.test/busybox:1',
          command: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'],
        },
      ],
    });
    await node.user.create(PODS, pod, signal);
    await until('stubborn', 'stubborn to run', ({ status }) => status?.phase === 'Running');
    await node.user.delete(PODS, { namespace: 'default', name: 'stubborn' }, {}, signal);
    await untilGone('stubborn');
  });

  it('is left alone when the kubelet restarts, and managed again', async () => {
    await node.user.create(PODS, web('kept'), signal);
    const before = await until('kept', 'kept to be ready', isReady);
    await kubelet.stop();
    kubelet = node.startKubelet();
    await waitFor(async () => kubelet.log.lines.some(({ message }) => /first set/.test(message)), {
      what: 'the new kubelet to know its pods',
    });
    const after = await get('kept');
    expect(idOf(after)).toBe(idOf(before));
    expect(first(after)?.state).toEqual(first(before)?.state);
    expect(first(after)?.restartCount).toBe(0);
    expect(isReady(after)).toBe(true);

    await node.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', idOf(after));
    await until('kept', 'kept to be restarted', (pod) => first(pod)?.restartCount === 1);
    await node.user.delete(PODS, { namespace: 'default', name: 'kept' }, {}, signal);
    await untilGone('kept');
  });
});
