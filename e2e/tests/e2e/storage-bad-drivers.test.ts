import { readFile } from 'node:fs/promises';

import type { Driver } from '@nodeagent/csi';
import { EVENTS, PERSISTENT_VOLUMES, type Pod } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { isReady, mainContainer, useCluster } from './fixture.ts';
import { useInProcessDriver } from './in-process-driver.ts';
import { storagePods } from './storage-pods.ts';

const METHODS = ['stage', 'publish', 'unpublish', 'unstage'] as const;
type Method = (typeof METHODS)[number];
/** It never answers, or says yes and does nothing. */
type Fault = 'hangs' | 'lies';

const e2e = useCluster();
const never = new AbortController().signal;
/** Faults of the driver's methods, with one volume. */
let faults: Partial<Record<Method, Fault>> = {};
let volumeId = '';
let stages = true;

function faulty(own: Driver): Driver {
  const node = own.node!;
  const call =
    (method: Method) =>
    async (request: Readonly<{ volumeId: string }>, signal: AbortSignal): Promise<void> => {
      const fault = request.volumeId === volumeId ? faults[method] : undefined;
      if (fault === 'lies') return;
      if (fault === 'hangs') await new Promise(() => undefined);
      await node[method]!(request as never, signal);
    };
  const offered = METHODS.filter((method) => stages || !method.endsWith('stage'));
  const calls = Object.fromEntries(offered.map((method) => [method, call(method)]));
  const rest = Object.entries(node).filter(([name]) => !METHODS.includes(name as Method));
  return { ...own, node: { ...Object.fromEntries(rest), ...calls } as unknown as typeof node };
}

const driver = useInProcessDriver(e2e, 'faulty', faulty);
const pods = storagePods(e2e, driver);

const runs = (pod: Pod): boolean =>
  pod.status?.containerStatuses?.[0]?.state?.running !== undefined;

/** Ends it as it is, with calls under way, and starts it in a new version. */
async function replaceDriver(): Promise<void> {
  await driver.stop(0);
  faults = {};
  await driver.start();
}

async function untilTold(pod: string, text: string): Promise<void> {
  const list = { namespace: e2e.namespace, fieldSelector: `involvedObject.name=${pod}` };
  const isTold = async (): Promise<boolean> => {
    const { items } = await e2e.client.list(EVENTS, list, never);
    return items.some(({ message = '' }) => message.includes(text));
  };
  await waitFor(isTold, { what: `an event of pod ${pod} with: ${text}` });
}

afterEach(() => {
  faults = {};
});
beforeAll(async () => {
  await driver.aClaim('c', { backing: 'image' });
  await driver.aClaim('beside');
  const pv = await e2e.client.get(PERSISTENT_VOLUMES, { name: `${e2e.namespace}-c` }, never);
  volumeId = pv.spec?.csi?.volumeHandle ?? '';
});

describe('a driver that hangs for ever', () => {
  it.each(['stage', 'publish'] as const)(
    'in %s holds up one pod, until it is replaced',
    async (method) => {
      faults = { [method]: 'hangs' };
      await pods.start(`waits-${method}`, 'touch /data/file');
      await pods.start(`beside-${method}`, 'true', { claimName: 'beside' });
      await e2e.waitForPod(`beside-${method}`, 'to be ready', isReady);
      expect(runs(await e2e.getPod(`waits-${method}`))).toBe(false);
      await replaceDriver();
      await e2e.waitForPod(`waits-${method}`, 'to be ready', isReady);
      await pods.remove(`waits-${method}`, `beside-${method}`);
      await pods.untilUnstaged();
    },
  );

  it('in unpublish keeps a pod that is deleted, until it is replaced', async () => {
    await pods.start('stays', 'touch /data/file');
    await e2e.waitForPod('stays', 'to be ready', isReady);
    faults = { unpublish: 'hangs' };
    await pods.delete('stays');
    await e2e.waitForPod('stays', 'to have ended', (pod) => !runs(pod));
    await pods.start('beside', 'true', { claimName: 'beside' });
    await e2e.waitForPod('beside', 'to be ready', isReady);
    expect((await e2e.getPod('stays')).metadata?.deletionTimestamp).toBeDefined();
    await replaceDriver();
    await pods.untilGone('stays');
    await pods.remove('beside');
    await pods.untilUnstaged();
  });

  it('in unstage keeps no pod, and the next one has its data', async () => {
    await pods.start('first', 'echo kept > /data/kept');
    await e2e.waitForPod('first', 'to be ready', isReady);
    faults = { unstage: 'hangs' };
    await pods.remove('first');
    await replaceDriver();
    await pods.start('next', 'grep -q kept /data/kept || exit 1');
    await e2e.waitForPod('next', 'to be ready', isReady);
    await pods.remove('next');
    await pods.untilUnstaged();
  });
});

describe('a driver that says yes', () => {
  it.each([
    ['stage', 'code = FailedPrecondition'],
    ['publish', 'but there is nothing at'],
  ] as const)(
    'to %s without doing it gets no container started, until it does it',
    async (method, text) => {
      faults = { [method]: 'lies' };
      await pods.start(`lied-${method}`, 'test -e /data/kept || exit 1');
      await untilTold(`lied-${method}`, text);
      expect(runs(await e2e.getPod(`lied-${method}`))).toBe(false);
      faults = {};
      await e2e.waitForPod(`lied-${method}`, 'to be ready', isReady);
      await pods.remove(`lied-${method}`);
      await pods.untilUnstaged();
    },
  );

  it('to unpublish without doing it keeps the pod, until it does it', async () => {
    await pods.start('kept', 'true');
    await e2e.waitForPod('kept', 'to be ready', isReady);
    faults = { unpublish: 'lies' };
    await pods.delete('kept');
    const { logFile } = e2e.cluster.kubelet;
    const isLogged = async (): Promise<boolean> =>
      (await readFile(logFile, 'utf8')).includes('is still mounted after its driver took it down');
    await waitFor(isLogged, { what: 'the kubelet to notice the mount' });
    expect((await e2e.getPod('kept')).metadata?.deletionTimestamp).toBeDefined();
    faults = {};
    await pods.untilGone('kept');
    await pods.untilUnstaged();
  });
});

it('a driver that is upgraded to one with stages disturbs no pod, and shares its volume', async () => {
  await driver.stop();
  stages = false;
  await driver.start();
  await pods.start('old', 'echo old > /data/old', { claimName: 'beside' });
  const before = mainContainer(await e2e.waitForPod('old', 'to be ready', isReady));
  await driver.stop();
  stages = true;
  await driver.start();
  await pods.start('new', 'grep -q old /data/old || exit 1', { claimName: 'beside' });
  await e2e.waitForPod('new', 'to be ready', isReady);
  expect(mainContainer(await e2e.getPod('old'))).toEqual(before);
  await pods.remove('old', 'new');
  await pods.untilUnstaged();
});
