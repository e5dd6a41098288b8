import { execFile } from 'node:child_process';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { EVENTS, NODES, type Pod, PODS } from '@nodeagent/kube-client';
import { ifStarted, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { busybox, BusyboxPods, isRunning, named } from './busybox-pods.js';
import { NODE_NAME, type RealNode, type RunningKubelet, startRealNode } from './real-node.js';

const run = promisify(execFile);
const { signal } = new AbortController();
const MIB = 2 ** 20;
let node: RealNode;
let kubelet: RunningKubelet;
let pods: BusyboxPods;
let rootDir: string | undefined;

/** The kubelet's directory is a file system of its own with few bytes and few inodes. */
beforeAll(async () => {
  node = await startRealNode('kubelet-eviction');
  const { dir } = node.containerd.space;
  rootDir = join(dir, 'kubelet');
  const image = join(dir, 'small.ext4');
  await mkdir(rootDir, { recursive: true });
  await writeFile(image, '');
  await truncate(image, 64 * MIB);
  await run('mkfs.ext4', ['-q', '-m', '0', '-N', '512', image]);
  await run('mount', ['-o', 'loop', image, rootDir]);
  pods = new BusyboxPods(node);
  kubelet = node.startKubelet({
    config: {
      evictionHard: { 'nodefs.available': '40%', 'nodefs.inodesFree': '40%' },
      evictionPressureTransitionPeriod: '15s',
      volumeStatsAggPeriod: '1s',
    },
  });
  await pods.nodeReady();
});

afterAll(async () => {
  await ifStarted(kubelet)?.stop();
  if (rootDir !== undefined) await run('umount', ['-R', '-l', rootDir]).catch(() => undefined);
  await ifStarted(node)?.stop();
});

const scratch = { name: 'scratch', mountPath: '/scratch' };
/** Pressure that lasts beyond the first victim takes any pod but a critical one. */
const critical = { priority: 2_000_001_000, priorityClassName: 'system-node-critical' };
const writer = (name: string, script: string, sizeLimit?: string): Pod =>
  busybox(
    name,
    { command: ['sh', '-c', `${script}; sleep 1000`], volumeMounts: [scratch] },
    { volumes: [{ name: 'scratch', emptyDir: sizeLimit === undefined ? {} : { sizeLimit } }] },
  );

async function evicted(name: string): Promise<Pod> {
  let seen: Pod = {};
  await waitFor(
    async () => {
      seen = await node.user.get(PODS, named(name), signal);
      return (
        seen.status?.phase === 'Failed' &&
        seen.status.containerStatuses?.[0]?.state?.running === undefined
      );
    },
    { what: `the pod ${name} to be evicted`, timeoutMs: 90_000 },
  );
  return seen;
}

const condition = async (type: string): Promise<string | undefined> => {
  const { status } = await node.user.get(NODES, { name: NODE_NAME }, signal);
  return status?.conditions?.find((each) => each.type === type)?.status;
};
const diskPressure = (status: string): Promise<true> =>
  waitFor(async () => (await condition('DiskPressure')) === status, {
    ...{ what: `DiskPressure ${status}`, timeoutMs: 90_000 },
  });

describe('a pod that exceeds the limit of a scratch volume', () => {
  it('is evicted, and its neighbour runs on', { timeout: 180_000 }, async () => {
    const limited = writer('limited', 'dd if=/dev/zero of=/scratch/a bs=1M count=4', '1Mi');
    await node.user.create(PODS, busybox('neighbour', {}, critical), signal);
    await node.user.create(PODS, limited, signal);
    const { status } = await evicted('limited');
    expect(status).toMatchObject({
      reason: 'Evicted',
      message: 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". ',
    });
    expect(isRunning(await node.user.get(PODS, named('neighbour'), signal))).toBe(true);
    await node.user.delete(PODS, named('limited'), {}, signal);
  });
});

describe.each([
  ['space', 'dd if=/dev/zero of=/scratch/a bs=1M count=40', 'ephemeral-storage'],
  ['inodes', 'for i in $(seq 400); do : > /scratch/$i; done', 'inodes'],
])('a node that runs out of %s', (what, script, resource) => {
  it(
    'is under pressure, evicts the pod that uses it, and recovers',
    { timeout: 300_000 },
    async () => {
      const name = `greedy-${what}`;
      await node.user.create(PODS, writer(name, script), signal);
      await diskPressure('True');
      const { status } = await evicted(name);
      expect(status?.reason).toBe('Evicted');
      const said = `The node was low on resource: ${resource}. Threshold quantity: `;
      expect(status?.message?.slice(0, said.length)).toBe(said);
      expect(status?.conditions).toContainEqual(
        expect.objectContaining({ type: 'DisruptionTarget', reason: 'TerminationByKubelet' }),
      );
      const events = await node.user.list(EVENTS, { namespace: 'default' }, signal);
      expect(events.items.map(({ reason }) => reason)).toContain('Evicted');
      expect((await node.user.get(PODS, named('neighbour'), signal)).status?.phase).toBe('Running');
      await node.user.delete(PODS, named(name), {}, signal);
      await diskPressure('False');
    },
  );
});
