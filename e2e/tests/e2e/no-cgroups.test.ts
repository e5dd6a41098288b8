import { readFileSync } from 'node:fs';

import { NODES, PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { expect, it } from 'vitest';

import { useCluster } from './fixture.ts';
import { aScript, createPod, SERVES, waitForEvent } from './pods.ts';

const e2e = useCluster();
const never = new AbortController().signal;

const ready = async () => {
  const { status } = await e2e.client.get(NODES, { name: e2e.cluster.nodeName }, never);
  return status?.conditions?.find(({ type }) => type === 'Ready');
};

/** Replaces the running kubelet by one for which cgroups are only directories. */
async function startWithoutCgroups() {
  const { kubelet, space } = e2e.cluster;
  const argv = readFileSync(`/proc/${kubelet.pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  await kubelet.kill9();
  const hide = [
    'mount -t tmpfs tmpfs /sys/fs/cgroup',
    'mkdir /sys/fs/cgroup/cpu /sys/fs/cgroup/memory /sys/fs/cgroup/hugetlb',
    'exec "$@"',
  ].join(' && ');
  return space.start('kubelet-without', ['unshare', '--mount', 'sh', '-c', hide, 'sh', ...argv]);
}

it('a node that cannot make cgroups for its pods is not ready, and starts none', async () => {
  await waitFor(async () => (await ready())?.status === 'True', { what: 'the node to be ready' });
  const kubelet = await startWithoutCgroups();
  const missing =
    'failed to initialize top level QOS containers: system validation failed - Following Cgroup ' +
    'subsystem not mounted: [cpu cpuacct cpuset memory]';
  const seen = await waitFor(
    async () => {
      kubelet.assertRunning();
      const condition = await ready();
      return condition?.status === 'False' ? condition : undefined;
    },
    { what: 'the node not to be ready' },
  );
  expect(seen).toMatchObject({ reason: 'KubeletNotReady', message: missing });
  const tolerations = [{ operator: 'Exists' }];
  await createPod(e2e, 'waits', { tolerations, containers: [aScript('app', SERVES)] });
  const message = new RegExp('^unable to ensure pod container exists: failed to initialize');
  await waitForEvent(e2e, 'waits', { reason: 'FailedCreatePodContainer', message });
  const pod = await e2e.client.get(PODS, { namespace: e2e.namespace, name: 'waits' }, never);
  expect(pod.status?.phase).toBe('Pending');
  await kubelet.stop();
  await e2e.cluster.kubelet.start();
  await e2e.waitForPod('waits', 'to run', ({ status }) => status?.phase === 'Running');
  expect(await ready()).toMatchObject({ status: 'True' });
});
