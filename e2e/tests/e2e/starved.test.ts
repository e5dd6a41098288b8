import { readFile } from 'node:fs/promises';

import { LEASES, NODES, PODS } from '@nodeagent/kube-client';
import {
  createMemoryCgroup,
  takeDescriptors,
  type Taken,
  takePids,
  waitFor,
} from '@nodeagent/testbed';
import { beforeAll, describe, expect, it } from 'vitest';

import { whileCutOff } from './cut-off.ts';
import { isReady, mainContainer, useCluster } from './fixture.ts';
import { aScript, createPod, SERVES } from './pods.ts';

const e2e = useCluster({
  nodeStatusUpdateFrequency: '1s',
  nodeStatusReportFrequency: '1s',
  nodeLeaseDurationSeconds: 4,
});
const never = new AbortController().signal;

/** One failed attempt shows. */
const strict = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 10 };
const http = { httpGet: { path: '/', port: 8080 }, ...strict };
const tcp = { tcpSocket: { port: 8080 }, ...strict };
const exec = { exec: { command: ['true'] }, ...strict };

beforeAll(async () => {
  const container = { readinessProbe: http, livenessProbe: tcp };
  await e2e.createPod({ name: 'web', container });
  const asked = aScript('main', SERVES, { readinessProbe: exec, livenessProbe: exec });
  await createPod(e2e, 'asked', { containers: [asked] });
  for (const name of ['web', 'asked']) await e2e.waitForPod(name, 'to be ready', isReady);
});

interface Signs {
  readonly lease: string | undefined;
  readonly heartbeat: string | undefined;
  readonly ready: string | undefined;
}

async function signs(): Promise<Signs> {
  const { nodeName } = e2e.cluster;
  const lease = { namespace: 'kube-node-lease', name: nodeName };
  const { status } = await e2e.client.get(NODES, { name: nodeName }, never);
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return {
    lease: (await e2e.client.get(LEASES, lease, never)).spec?.renewTime,
    heartbeat: ready?.lastHeartbeatTime,
    ready: ready?.status,
  };
}

interface Program {
  readonly pid: number;
  readonly logFile: string;
  assertRunning(): void;
}

/** The lease and the status are renewed, and no pod has noticed anything. */
async function beats(kubelet: Program): Promise<void> {
  const last = await signs();
  const isBeating = async () => {
    kubelet.assertRunning();
    const now = await signs();
    return now.lease !== last.lease && now.heartbeat !== last.heartbeat;
  };
  await waitFor(isBeating, { what: 'the lease and the status to be renewed' });
  expect((await signs()).ready).toBe('True');
  for (const name of ['web', 'asked']) expect(isReady(await e2e.getPod(name))).toBe(true);
}

/** Its volume needs mounts and files; it has a probe. */
async function createAnother(name: string): Promise<void> {
  const volumeMounts = ['ledger', 'memory'].map((at) => ({ name: at, mountPath: `/${at}` }));
  const container = aScript('main', SERVES, { readinessProbe: exec, volumeMounts });
  const volumes = [{ name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }];
  await createPod(e2e, name, { containers: [container], volumes });
}

const containers = async () =>
  [await e2e.getPod('web'), await e2e.getPod('asked')].map(mainContainer);

/** It works on while the resource is taken, and makes up for the rest afterwards. */
async function survives(kubelet: Program, taken: Taken, another: string): Promise<void> {
  const before = await containers();
  const refusals = async () =>
    taken.refusals() ?? (await readFile(kubelet.logFile, 'utf8')).split('EMFILE').length - 1;
  try {
    await createAnother(another);
    for (let count = 0; count < 10 || (await refusals()) === 0; count += 1) await beats(kubelet);
  } finally {
    await taken.giveBack();
  }
  await recovers(kubelet, another, before);
}

async function recovers(
  kubelet: Program,
  another: string,
  before: Awaited<ReturnType<typeof containers>>,
): Promise<void> {
  const isThere = async () => isReady(await e2e.getPod(another));
  await waitFor(isThere, { what: `${another} to be ready` });
  await beats(kubelet);
  expect(await containers()).toEqual(before);
}

/** Runs a command again half a second after each end, until it is told to stop. */
const SUPERVISED =
  'trap "kill \\$child; wait \\$child; exit" TERM; while :; do "$@" & child=$!; wait $child; sleep 0.5; done';
const NO_HEARTBEAT = /"cannot (renew the node lease|report the node status)".*EMFILE/;
const patient = { timeout: 300_000 };

describe('a kubelet keeps its pods and recovers by itself', () => {
  it(
    'without a free file descriptor, and renews its lease and its status meanwhile',
    patient,
    async () => {
      const { kubelet } = e2e.cluster;
      await survives(kubelet, await takeDescriptors(kubelet.pid), 'after-descriptors');
    },
  );

  it(
    'without a free file descriptor when its connections to the API are lost',
    patient,
    async () => {
      const { kubelet } = e2e.cluster;
      const before = await containers();
      const log = () => readFile(kubelet.logFile, 'utf8');
      const failures = async () => (await log()).split(/ECONNREFUSED|ECONNRESET/).length;
      const earlier = await failures();
      let length = 0;
      const taken = await whileCutOff(e2e, async () => {
        const isCut = async () => (await failures()) > earlier + 2;
        await waitFor(isCut, { what: 'its connections to be lost' });
        length = (await log()).length;
        return takeDescriptors(kubelet.pid);
      });
      try {
        for (let count = 0; count < 5; count += 1) await beats(kubelet);
      } finally {
        await taken.giveBack();
      }
      expect((await log()).slice(length)).not.toMatch(NO_HEARTBEAT);
      await createAnother('after-connections');
      await recovers(kubelet, 'after-connections', before);
    },
  );

  it('without a free file descriptor when containerd is restarted', patient, async () => {
    const { kubelet, containerd } = e2e.cluster;
    const before = await containers();
    await createPod(e2e, 'doomed', { containers: [aScript('main', SERVES)] });
    const { id } = mainContainer(await e2e.waitForPod('doomed', 'to be ready', isReady));
    const failures = async () =>
      (await readFile(kubelet.logFile, 'utf8')).split(/connect (?:ENOENT|ECONNREFUSED) .*sock/)
        .length;
    const earlier = await failures();
    await containerd.kill9();
    const isLost = async () => (await failures()) > earlier + 1;
    await waitFor(isLost, { what: 'the connection to containerd to be lost' });
    const taken = await takeDescriptors(kubelet.pid);
    try {
      await containerd.restart();
      const pod = { namespace: e2e.namespace, name: 'doomed' };
      await e2e.client.delete(PODS, pod, { gracePeriodSeconds: 1 }, never);
      const isStopped = async () => !(await containerd.ctr('tasks', 'ls')).includes(id);
      await waitFor(isStopped, { what: 'the container of a deleted pod to be stopped' });
      await beats(kubelet);
    } finally {
      await taken.giveBack();
    }
    await createAnother('after-runtime');
    await recovers(kubelet, 'after-runtime', before);
  });

  it('without a free process, and renews its lease and its status meanwhile', patient, async () => {
    const { kubelet } = e2e.cluster;
    await survives(kubelet, await takePids(kubelet.pid), 'after-processes');
  });

  // The kernel ends it, and it is started again in vain, as systemd does.
  it('after it was ended for want of memory, again and again', patient, async () => {
    const { kubelet, space } = e2e.cluster;
    const argv = (await readFile(`/proc/${kubelet.pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
    await kubelet.stop();
    const cgroup = createMemoryCgroup(`${space.id}-short`);
    const supervised = ['sh', '-c', SUPERVISED, 'sh', ...cgroup.enter(argv)];
    const short = await space.start('kubelet-short', supervised);
    await beats(short);
    const before = await containers();
    const taken = cgroup.take(0);
    await createAnother('after-memory');
    const starts = async () =>
      (await readFile(short.logFile, 'utf8')).split('"connected to the container runtime"').length -
      1;
    const isKilled = async () => (taken.refusals() ?? 0) > 0 && (await starts()) > 1;
    await waitFor(isKilled, { what: 'the kernel to end it' });
    await taken.giveBack();
    await recovers(short, 'after-memory', before);
    await short.stop();
    cgroup.remove();
    await kubelet.start();
    await beats(kubelet);
  });
});
