import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { isKubeError, PODS, TOKEN_REVIEWS } from '@nodeagent/kube-client';
import { findKubectls, tryCommand, waitFor } from '@nodeagent/testbed';
import { describe, expect, it } from 'vitest';

import { whileCutOff } from './cut-off.ts';
import { isReady, mainContainer, useCluster } from './fixture.ts';
import {
  aScript,
  createPod,
  deletePod,
  isGone,
  isRunning,
  ledgerOf,
  SERVES,
  statusOf,
  untilSaid,
} from './pods.ts';

const e2e = useCluster();
const never = new AbortController().signal;

describe('a pod', () => {
  it('runs, gets addresses, and its probe makes it ready', async () => {
    const probe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 };
    await e2e.createPod({ name: 'web', container: { readinessProbe: probe } });
    const pod = await e2e.waitForPod('web', 'to be ready', isReady);
    expect(pod.status).toMatchObject({ phase: 'Running', qosClass: 'BestEffort' });
    expect(pod.status?.hostIP).toBe(e2e.cluster.space.network.nodeIp);
    expect(await e2e.cluster.get(`http://${pod.status?.podIP}:8080/`)).toBe('web\n');
  });

  it('has a token that the API server accepts as its service account’s', async () => {
    await e2e.createPod({ name: 'account', container: {} });
    const pod = await e2e.waitForPod('account', 'to be ready', isReady);
    const volume = pod.spec?.volumes?.find(({ name }) => name.startsWith('kube-api-access-'));
    const { dir } = e2e.cluster.space;
    const uid = pod.metadata?.uid ?? '';
    const folder = join(dir, 'kubelet/root/pods', uid, 'volumes/kubernetes.io~projected');
    const token = await readFile(join(folder, volume?.name ?? '', 'token'), 'utf8');
    const review = await e2e.client.create(TOKEN_REVIEWS, { spec: { token } }, never);
    expect(review.status).toMatchObject({
      authenticated: true,
      user: { username: `system:serviceaccount:${e2e.namespace}:default` },
    });
  });

  it('survives kill -9 of the kubelet: same container, same start time', async () => {
    await e2e.createPod({ name: 'keeps', container: {} });
    const before = mainContainer(await e2e.waitForPod('keeps', 'to be ready', isReady));
    await e2e.cluster.kubelet.kill9();
    await e2e.cluster.kubelet.start();
    // A new pod proves that the restarted kubelet works by now.
    await e2e.createPod({ name: 'after', container: {} });
    await e2e.waitForPod('after', 'to be ready', isReady);
    expect(mainContainer(await e2e.getPod('keeps'))).toEqual(before);
  });

  it('gets a new container when the old one is killed', async () => {
    await e2e.createPod({ name: 'killed', container: {} });
    const before = mainContainer(await e2e.waitForPod('killed', 'to be ready', isReady));
    await e2e.cluster.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', before.id);
    const after = await e2e.waitForPod('killed', 'to be restarted', (pod) => {
      return isReady(pod) && mainContainer(pod).restarts === 1;
    });
    expect(mainContainer(after).id).not.toBe(before.id);
    const ended = after.status?.containerStatuses?.[0]?.lastState?.terminated;
    expect(ended).toMatchObject({ exitCode: 137, containerID: `containerd://${before.id}` });
  });

  it('ends as its command does when it may not be restarted', async () => {
    const container = { image: 'nodeagent.test/busybox:1', command: ['sh', '-c', 'exit 3'] };
    await e2e.createPod({ name: 'fails', container, restartPolicy: 'Never' });
    const pod = await e2e.waitForPod(
      'fails',
      'to fail',
      ({ status }) => status?.phase === 'Failed',
    );
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(3);
  });

  it('is refused with the name of the field when its manifest is malformed', async () => {
    const kubectl = (await findKubectls()).at(-1)!.path;
    const argv = [kubectl, '--kubeconfig', e2e.cluster.kubeconfig, '-n', e2e.namespace];
    const manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'bad' },
      spec: { containers: [{ name: 'UPPER', image: 'nodeagent.test/web:1' }] },
    };
    const { exitCode, stderr } = await tryCommand([...argv, 'apply', '-f', '-'], {
      input: JSON.stringify(manifest),
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('spec.containers[0].name');
    await expect(e2e.getPod('bad')).rejects.toMatchObject({ code: 'KUBE_NOT_FOUND' });
  });

  it('is gone from the API and from the runtime after a delete', async () => {
    await e2e.createPod({ name: 'gone', container: {} });
    const { id } = mainContainer(await e2e.waitForPod('gone', 'to be ready', isReady));
    await e2e.client.delete(PODS, { namespace: e2e.namespace, name: 'gone' }, {}, never);
    const isGone = async () => {
      try {
        await e2e.getPod('gone');
        return false;
      } catch (error) {
        if (isKubeError(error, 'KUBE_NOT_FOUND')) return true;
        throw error;
      }
    };
    await waitFor(isGone, { what: 'the pod to be gone', everyMs: 50 });
    expect(await e2e.cluster.containerd.ctr('tasks', 'ls')).not.toContain(id);
  });
});

describe('pods of an unreachable API server', () => {
  it('keep running and are restarted, and missed changes are made up for', async () => {
    for (const name of ['stays', 'goes']) {
      await createPod(e2e, name, { containers: [aScript('main', SERVES)] });
      await untilSaid(e2e, name, 'main runs');
    }
    const before = await e2e.waitForPod('stays', 'to run', isRunning('main'));
    await whileCutOff(e2e, async () => {
      const { id } = mainContainer(before);
      await e2e.cluster.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', id);
      await untilSaid(e2e, 'stays', 'main runs', 'main runs');
      await deletePod(e2e, 'goes');
      await createPod(e2e, 'comes', { containers: [aScript('main', SERVES)] });
      expect(mainContainer(await e2e.getPod('stays')).restarts).toBe(0);
    });
    await e2e.waitForPod('comes', 'to run', isRunning('main'));
    await waitFor(() => isGone(e2e, 'goes'), { what: 'the deleted pod to be gone' });
    const after = await e2e.waitForPod('stays', 'to be reported', (pod) => {
      return isRunning('main')(pod) && mainContainer(pod).restarts === 1;
    });
    expect(statusOf(after, 'main')?.lastState?.terminated).toMatchObject({ exitCode: 137 });
    expect(await ledgerOf(e2e, 'goes')).toEqual(['main runs', 'main stops']);
  });
});

describe('a runtime that does not answer for a while', () => {
  it('is waited for: running containers are not touched, and new ones start once', async () => {
    const { containerd } = e2e.cluster;
    await createPod(e2e, 'calm', { containers: [aScript('main', SERVES)] });
    const before = await e2e.waitForPod('calm', 'to run', isRunning('main'));
    process.kill(containerd.pid, 'SIGSTOP');
    try {
      await createPod(e2e, 'patient', { containers: [aScript('main', SERVES)] });
      await delay(2000); // two rounds of polling
    } finally {
      process.kill(containerd.pid, 'SIGCONT');
    }
    await e2e.waitForPod('patient', 'to run', isRunning('main'));
    await untilSaid(e2e, 'patient', 'main runs');
    expect(await ledgerOf(e2e, 'patient')).toEqual(['main runs']);
    expect(mainContainer(await e2e.getPod('calm'))).toEqual(mainContainer(before));
  });
});
