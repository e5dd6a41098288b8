import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { NODES, type Pod, PODS } from '@nodeagent/kube-client';
import { findKubectls, runCommand, waitFor } from '@nodeagent/testbed';
import { describe, expect, it } from 'vitest';

import { cgroupOf } from './cgroups.ts';
import { useCluster } from './fixture.ts';
import {
  aScript,
  conditionOf,
  createPod,
  deletePod,
  eventsOf,
  isGone,
  isRunning,
  ledgerOf,
  SERVES,
  statusOf,
  untilSaid,
  waitForEvent,
} from './pods.ts';
import { guaranteed, isGiven, patchOf, resize } from './resizes.ts';

const e2e = useCluster();
const never = new AbortController().signal;
const MIB = 2 ** 20;

const milliOf = (cpu: string): number =>
  cpu.endsWith('m') ? Number(cpu.slice(0, -1)) : Number(cpu) * 1000;

const create = async (name: string, resources: object, more: object = {}): Promise<Pod> => {
  await createPod(e2e, name, { containers: [aScript('app', SERVES, { resources, ...more })] });
  return e2e.waitForPod(name, 'to run', isRunning('app'));
};

const isWaiting = (seen: Pod): boolean => conditionOf(seen, 'PodResizePending') === 'True Deferred';

/** Ends all pods of this file, and returns the CPU available for others, in thousandths. */
async function emptyNode(): Promise<number> {
  const { items } = await e2e.client.list(PODS, { namespace: e2e.namespace }, never);
  const names = items.map(({ metadata }) => metadata?.name ?? '');
  for (const name of names) await deletePod(e2e, name, 0);
  const areGone = async () =>
    (await Promise.all(names.map((name) => isGone(e2e, name)))).every(Boolean);
  await waitFor(areGone, { what: 'the pods before to be gone' });
  const node = await e2e.client.get(NODES, { name: e2e.cluster.nodeName }, never);
  return milliOf(node.status?.allocatable?.['cpu'] ?? '');
}

describe('a pod that asks for other resources', () => {
  it('gets them, in its cgroups too, without a restart', async () => {
    const before = await create('grows', guaranteed('100m', '64Mi'));
    expect(await cgroupOf(e2e.cluster, before, 'app')).toEqual({
      quotaUs: 10_000,
      memory: 64 * MIB,
    });
    await resize(e2e, 'grows', 'app', guaranteed('200m', '128Mi'));
    const more = { cpu: '200m', memory: '128Mi' };
    const after = await e2e.waitForPod('grows', 'to have grown', isGiven('app', more));
    expect(await cgroupOf(e2e.cluster, after, 'app')).toEqual({
      quotaUs: 20_000,
      memory: 128 * MIB,
    });
    expect(await cgroupOf(e2e.cluster, after)).toEqual({ quotaUs: 20_000, memory: 128 * MIB });
    const { containerID } = statusOf(before, 'app') ?? {};
    expect(statusOf(after, 'app')).toMatchObject({ containerID, restartCount: 0 });
    expect(after.status?.qosClass).toBe('Guaranteed');
    await waitForEvent(e2e, 'grows', { reason: 'ResizeCompleted' });
    const events = (await eventsOf(e2e, 'grows')).filter(({ reason }) =>
      /Resize/.test(reason ?? ''),
    );
    const summary =
      '{"containers":[{"name":"app","resources":{"limits":{"cpu":"200m","memory":"128Mi"},' +
      '"requests":{"cpu":"200m","memory":"128Mi"}}}],"generation":2}';
    expect(events.map(({ type, reason, message }) => [type, reason, message])).toEqual([
      ['Normal', 'ResizeStarted', `Pod resize started: ${summary}`],
      ['Normal', 'ResizeCompleted', `Pod resize completed: ${summary}`],
    ]);
    await resize(e2e, 'grows', 'app', guaranteed('50m', '32Mi'));
    const less = { cpu: '50m', memory: '32Mi' };
    const small = await e2e.waitForPod('grows', 'to have shrunk', isGiven('app', less));
    expect(await cgroupOf(e2e.cluster, small, 'app')).toEqual({ quotaUs: 5000, memory: 32 * MIB });
    expect(await cgroupOf(e2e.cluster, small)).toEqual({ quotaUs: 5000, memory: 32 * MIB });
    expect(statusOf(small, 'app')?.restartCount).toBe(0);
  });

  it('is restarted if its policy requires it', async () => {
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
    await create('restarts', guaranteed('50m', '32Mi'), { resizePolicy });
    await resize(e2e, 'restarts', 'app', guaranteed('60m', '32Mi'));
    const cpu = { cpu: '60m', memory: '32Mi' };
    const same = await e2e.waitForPod('restarts', 'to have more CPU', isGiven('app', cpu));
    expect(statusOf(same, 'app')?.restartCount).toBe(0);
    await resize(e2e, 'restarts', 'app', guaranteed('60m', '64Mi'));
    const memory = { cpu: '60m', memory: '64Mi' };
    const after = await e2e.waitForPod('restarts', 'to have more memory', (pod) => {
      return isGiven('app', memory)(pod) && isRunning('app')(pod);
    });
    expect(statusOf(after, 'app')?.restartCount).toBe(1);
    expect(await cgroupOf(e2e.cluster, after, 'app')).toEqual({ quotaUs: 6000, memory: 64 * MIB });
    expect(await cgroupOf(e2e.cluster, after)).toEqual({ quotaUs: 6000, memory: 64 * MIB });
    await untilSaid(e2e, 'restarts', 'app runs', 'app runs');
    expect(await ledgerOf(e2e, 'restarts')).toEqual(['app runs', 'app stops', 'app runs']);
    const message = 'Container app resize requires restart';
    await waitForEvent(e2e, 'restarts', { reason: 'Killing', message });
  });

  it('keeps its memory while it is in use, and reports that', async () => {
    const holds = `head -c ${40 * MIB} /dev/zero > /dev/shm/held; ${SERVES}`;
    const resources = guaranteed('100m', '96Mi');
    await createPod(e2e, 'in-use', { containers: [aScript('app', holds, { resources })] });
    await untilSaid(e2e, 'in-use', 'app runs'); // the memory is in use
    await resize(e2e, 'in-use', 'app', guaranteed('100m', '20Mi'));
    const pod = await e2e.waitForPod('in-use', 'to be refused', (seen) => {
      return conditionOf(seen, 'PodResizeInProgress') === 'True Error';
    });
    const message = pod.status?.conditions?.find(
      ({ type }) => type === 'PodResizeInProgress',
    )?.message;
    expect(message).toMatch(
      /^cannot decrease memory limits: \[attempting to set pod memory limit \(20971520\) below current usage \(\d+\), attempting to set container "app" memory limit \(20971520\) below current usage \(\d+\)\]$/,
    );
    await waitForEvent(e2e, 'in-use', {
      reason: 'ResizeError',
      message: /"error":"cannot decrease/,
    });
    expect(statusOf(pod, 'app')).toMatchObject({
      allocatedResources: { memory: '20Mi' },
      resources: { limits: { memory: '96Mi' } },
    });
    expect(await cgroupOf(e2e.cluster, pod, 'app')).toMatchObject({ memory: 96 * MIB });
    await resize(e2e, 'in-use', 'app', guaranteed('100m', '128Mi'));
    const more = { cpu: '100m', memory: '128Mi' };
    await e2e.waitForPod('in-use', 'to have more instead', isGiven('app', more));
  });

  it('may ask for the pod as a whole, and its containers share the resources', async () => {
    const whole = (cpu: string, memory: string) => ({ resources: guaranteed(cpu, memory) });
    await createPod(e2e, 'whole', {
      ...whole('100m', '64Mi'),
      containers: [aScript('app', SERVES)],
    });
    const before = await e2e.waitForPod('whole', 'to run', isRunning('app'));
    expect(await cgroupOf(e2e.cluster, before)).toEqual({ quotaUs: 10_000, memory: 64 * MIB });
    const patch = {
      type: 'strategic-merge',
      body: { spec: whole('200m', '128Mi') },
      subresource: 'resize',
    } as const;
    await e2e.client.patch(PODS, { namespace: e2e.namespace, name: 'whole' }, patch, never);
    await waitForEvent(e2e, 'whole', { reason: 'ResizeCompleted' });
    const after = await e2e.waitForPod('whole', 'to show its resources', ({ status }) => {
      return status?.allocatedResources?.['cpu'] === '200m';
    });
    expect(await cgroupOf(e2e.cluster, after)).toEqual({ quotaUs: 20_000, memory: 128 * MIB });
    expect(await cgroupOf(e2e.cluster, after, 'app')).toEqual({
      quotaUs: 20_000,
      memory: 128 * MIB,
    });
    expect(statusOf(after, 'app')?.restartCount).toBe(0);
    expect(after.status?.allocatedResources).toEqual({ cpu: '200m', memory: '128Mi' });
  });

  it('gets them at its start when the change came before', async () => {
    const waits = 'say waits; until [ -e /ledger/go ]; do sleep 0.1; done';
    await createPod(e2e, 'starts-later', {
      initContainers: [aScript('first', waits, { resources: guaranteed('50m', '24Mi') })],
      containers: [aScript('app', SERVES, { resources: guaranteed('100m', '32Mi') })],
    });
    await e2e.waitForPod('starts-later', 'to wait', isRunning('first'));
    await resize(e2e, 'starts-later', 'app', guaranteed('400m', '64Mi'));
    await waitForEvent(e2e, 'starts-later', { reason: 'ResizeStarted' });
    await writeFile(join(e2e.cluster.space.dir, 'ledger/go'), '');
    const pod = await e2e.waitForPod('starts-later', 'to run', isRunning('app'));
    expect(statusOf(pod, 'app')?.restartCount).toBe(0);
    const more = { quotaUs: 40_000, memory: 64 * MIB };
    expect(await cgroupOf(e2e.cluster, pod, 'app')).toEqual(more);
    expect(await cgroupOf(e2e.cluster, pod)).toEqual(more);
  });

  it('waits for other pods to end, even across a kill of the kubelet', async () => {
    const allMilli = await emptyNode();
    await create('waits', { requests: { cpu: '100m' } });
    await create('leaves', { requests: { cpu: `${allMilli - 300}m` } });
    await resize(e2e, 'waits', 'app', { requests: { cpu: '400m' } });
    const waiting = await e2e.waitForPod('waits', 'to wait', isWaiting);
    const { message } =
      waiting.status?.conditions?.find(({ type }) => type === 'PodResizePending') ?? {};
    expect(message).toBe(
      "Node didn't have enough resource: cpu, " +
        `requested: 400, used: ${allMilli - 300}, capacity: ${allMilli}`,
    );
    await waitForEvent(e2e, 'waits', {
      reason: 'ResizeDeferred',
      message: 'Pod resize OutOfcpu: ',
    });
    await e2e.cluster.kubelet.kill9();
    await e2e.cluster.kubelet.start();
    await create('later', {}); // the new kubelet works by now
    const still = await e2e.getPod('waits');
    expect(isWaiting(still)).toBe(true);
    expect(statusOf(still, 'app')).toMatchObject({
      allocatedResources: { cpu: '100m' },
      restartCount: 0,
    });
    await deletePod(e2e, 'leaves', 0);
    const after = await e2e.waitForPod('waits', 'to have more', (seen) => {
      const { allocatedResources, resources } = statusOf(seen, 'app') ?? {};
      return [allocatedResources, resources?.requests].every((each) => each?.['cpu'] === '400m');
    });
    expect(conditionOf(after, 'PodResizePending')).toBe('');
    expect(statusOf(after, 'app')?.restartCount).toBe(0);
  });

  it('waits its turn: a guaranteed one comes before one that waits longer', async () => {
    const allMilli = await emptyNode();
    await create('waits-longest', { requests: { cpu: '100m' } });
    await create('waits-long', guaranteed('100m', '32Mi'));
    await create('leaves-room', { requests: { cpu: '300m' } });
    await create('stays', { requests: { cpu: `${allMilli - 500}m` } });
    const wish = async (name: string, resources: object): Promise<void> => {
      await resize(e2e, name, 'app', resources);
      await e2e.waitForPod(name, 'to wait', isWaiting);
    };
    await wish('waits-longest', { requests: { cpu: '400m' } });
    await wish('waits-long', guaranteed('400m', '32Mi'));
    await deletePod(e2e, 'leaves-room', 0); // room for one of them
    const given = { cpu: '400m', memory: '32Mi' };
    await e2e.waitForPod('waits-long', 'to have more', isGiven('app', given));
    const other = await e2e.getPod('waits-longest');
    expect(isWaiting(other)).toBe(true);
    expect(statusOf(other, 'app')?.allocatedResources).toEqual({ cpu: '100m' });
    await deletePod(e2e, 'waits-long', 0);
    await e2e.waitForPod('waits-longest', 'to have more too', (seen) => {
      return statusOf(seen, 'app')?.resources?.requests?.['cpu'] === '400m';
    });
    expect(await emptyNode()).toBe(allMilli);
  });

  it('accepts a resize by kubectl', async () => {
    const kubectl = (await findKubectls()).at(-1);
    if (kubectl === undefined) throw new Error('no kubectl on this machine');
    await create('by-kubectl', { requests: { cpu: '100m' } });
    await runCommand([
      ...[kubectl.path, '--kubeconfig', e2e.cluster.kubeconfig, '--namespace', e2e.namespace],
      ...['patch', 'pod', 'by-kubectl', '--subresource', 'resize'],
      ...['--patch', JSON.stringify(patchOf('app', { requests: { cpu: '150m' } }))],
    ]);
    await e2e.waitForPod('by-kubectl', 'to have more', (pod) => {
      return statusOf(pod, 'app')?.resources?.requests?.['cpu'] === '150m';
    });
  });
});
