import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { createHostPathDriver } from '@nodeagent/csi/hostpath';
import {
  EVENTS,
  isKubeError,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type Pod,
  PODS,
} from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { describe, expect, it } from 'vitest';

import { useCluster } from './fixture.ts';
import { type InProcessDriver, useInProcessDriver } from './in-process-driver.ts';

const READ_ONLY_PORT = 10_255;
const e2e = useCluster({ readOnlyPort: READ_ONLY_PORT, volumeStatsAggPeriod: '1s' });
const never = new AbortController().signal;
const driver = useInProcessDriver(e2e, 'hostpath');
const aClaim: InProcessDriver['aClaim'] = (...of) => driver.aClaim(...of);

const stateDir = (): string => driver.stateDir();
const rootDir = (): string => join(e2e.cluster.space.dir, 'kubelet/root');

function script(name: string, text: string, spec: object): Promise<Pod> {
  const container = {
    name: 'main',
    image: 'nodeagent.test/busybox:1',
    imagePullPolicy: 'Never',
    command: ['sh', '-c', text],
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: e2e.namespace },
    spec: {
      nodeName: e2e.cluster.nodeName,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      containers: [container],
      ...spec,
    },
  };
  return e2e.client.create(PODS, pod, never);
}

const claimed = (claimName: string, more: object = {}): object => ({
  volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
  ...more,
});
const ended = ({ status }: Pod): string | undefined =>
  status?.containerStatuses?.[0]?.state?.terminated?.message;
const runs = ({ status }: Pod): boolean =>
  status?.containerStatuses?.[0]?.state?.running !== undefined;
const says = (text: string): string => `echo -n "${text}" > /dev/termination-log`;

async function remove(name: string): Promise<void> {
  const { client, namespace } = e2e;
  await client.delete(PODS, { namespace, name }, {}, never);
  await waitFor(
    () =>
      e2e.getPod(name).then(
        () => false,
        (error: unknown) => isKubeError(error, 'KUBE_NOT_FOUND'),
      ),
    { what: `pod ${name} to be gone` },
  );
}

describe('a claim', () => {
  it('is bound to data that outlive their pods', async () => {
    await aClaim('kept');
    await script('writes', 'echo -n hello > /data/file', claimed('kept'));
    await e2e.waitForPod('writes', 'to write', ({ status }) => status?.phase === 'Succeeded');
    await remove('writes');
    await script('reads', says('$(cat /data/file)'), claimed('kept'));
    const pod = await e2e.waitForPod('reads', 'to read', (one) => ended(one) !== undefined);
    expect(ended(pod)).toBe('hello');
    await remove('reads');
  });

  it('has a group that the processes of its pods are in', async () => {
    await aClaim('owned');
    const name = `${e2e.namespace}-owned`;
    const body = { metadata: { annotations: { 'pv.beta.kubernetes.io/gid': '54321' } } };
    await e2e.client.patch(PERSISTENT_VOLUMES, { name }, { type: 'merge', body }, never);
    await script('member', says('$(id -G)'), claimed('owned'));
    const pod = await e2e.waitForPod('member', 'to tell', (one) => ended(one) !== undefined);
    expect(ended(pod)?.split(' ')).toContain('54321');
    await remove('member');
  });

  it('is shared by two pods of the node, and taken down with the last', async () => {
    await aClaim('shared', { backing: 'image' });
    const forever =
      'touch /data/$HOSTNAME; trap "exit 0" TERM; while :; do sleep 1 & wait $!; done';
    await script('one', forever, claimed('shared'));
    await script('two', forever, claimed('shared'));
    await e2e.waitForPod('one', 'to run', runs);
    await e2e.waitForPod('two', 'to run', runs);
    await script('looks', says('$(ls /data | grep -c -e one -e two)'), claimed('shared'));
    const pod = await e2e.waitForPod('looks', 'to look', (one) => ended(one) !== undefined);
    expect(ended(pod)).toBe('2');
    for (const name of ['one', 'looks', 'two']) await remove(name);
    const staged = join(rootDir(), 'plugins/kubernetes.io/csi', driver.name);
    await waitFor(async () => (await readdir(staged)).length === 0, {
      what: 'the volume to be unstaged',
    });
  });

  it('is full when its volume is full', async () => {
    await aClaim('small', { backing: 'image' });
    const text = `dd if=/dev/zero of=/data/file bs=1M count=32 2> /tmp/why; ${says('$(cat /tmp/why)')}`;
    await script('fills', text, claimed('small'));
    const pod = await e2e.waitForPod('fills', 'to fill', (one) => ended(one) !== undefined);
    expect(ended(pod)).toContain('No space left on device');
    await remove('fills');
  });

  it('keeps its pod running while kubelet and driver are restarted, and lets it end', async () => {
    await aClaim('steady');
    const text = 'trap "exit 0" TERM; while :; do date >> /data/log; sleep 1 & wait $!; done';
    await script('steady', text, claimed('steady'));
    const before = await e2e.waitForPod('steady', 'to run', runs);
    await driver.stop();
    await e2e.cluster.kubelet.stop();
    await e2e.cluster.kubelet.start();
    await driver.start();
    const after = await e2e.waitForPod('steady', 'to run on', runs);
    const idOf = ({ status }: Pod): string | undefined =>
      status?.containerStatuses?.[0]?.containerID;
    expect(idOf(after)).toBe(idOf(before));
    await remove('steady');
  });

  it('that is not bound holds its pod, and lets it start when it is', async () => {
    const { client, namespace } = e2e;
    await script('early', says('started'), claimed('late'));
    const look = async (): Promise<boolean> => {
      const events = await e2e.client.list(
        EVENTS,
        { namespace, fieldSelector: 'involvedObject.name=early' },
        never,
      );
      const text = `Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: error processing PVC ${namespace}/late: failed to fetch PVC from API server`;
      return JSON.stringify(events.items).includes(text);
    };
    await waitFor(look, { what: 'an event that names the claim' });
    await aClaim('late');
    const pod = await e2e.waitForPod('early', 'to start', (one) => ended(one) !== undefined);
    expect(ended(pod)).toBe('started');
    await client.delete(PODS, { namespace, name: 'early' }, {}, never);
  });
});

describe('a block volume', () => {
  const asDevice = (claimName: string, text: string): object => ({
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
    containers: [
      {
        name: 'main',
        image: 'nodeagent.test/busybox:1',
        imagePullPolicy: 'Never',
        command: ['sh', '-c', text],
        volumeDevices: [{ name: 'data', devicePath: '/dev/data' }],
      },
    ],
  });

  it('is a device of its pods, and keeps their data', async () => {
    await aClaim('device', {}, { block: true });
    const write = 'test -b /dev/data && echo hello | dd of=/dev/data bs=512 conv=sync';
    await script('maps', '', asDevice('device', write));
    await e2e.waitForPod('maps', 'to write', ({ status }) => status?.phase === 'Succeeded');
    await remove('maps');
    const read = says('$(dd if=/dev/data bs=5 count=1)');
    await script('unmaps', '', asDevice('device', read));
    const pod = await e2e.waitForPod('unmaps', 'to read', (one) => ended(one) !== undefined);
    expect(ended(pod)).toBe('hello');
    await remove('unmaps');
    const published = join(rootDir(), 'plugins/kubernetes.io/csi/volumeDevices/publish');
    await waitFor(async () => (await readdir(published)).length === 0, {
      what: 'the device to be taken down',
    });
  });
});

describe('a volume in use', () => {
  const MIB = 1 << 20;
  const forever = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done';

  it('grows with its claim', async () => {
    const { client, namespace } = e2e;
    await aClaim('grows', { backing: 'image', fsType: 'xfs' }, { bytes: 320 * MIB });
    await script('grows', forever, claimed('grows'));
    await e2e.waitForPod('grows', 'to run', runs);
    const name = `${namespace}-grows`;
    const { spec } = await client.get(PERSISTENT_VOLUMES, { name }, never);
    const nodeId = e2e.cluster.nodeName;
    const own = { stateDir: stateDir(), nodeId, name: driver.name };
    const { controller } = await createHostPathDriver(own);
    await controller?.expand?.(
      {
        volumeId: spec?.csi?.volumeHandle ?? '',
        capacityRange: { requiredBytes: 640 * MIB, limitBytes: 0 },
        secrets: {},
        volumeCapability: undefined,
      },
      never,
    );
    const storage = String(640 * MIB);
    const capacity = { type: 'merge', body: { spec: { capacity: { storage } } } } as const;
    await client.patch(PERSISTENT_VOLUMES, { name }, capacity, never);
    const body = {
      status: {
        allocatedResources: { storage },
        allocatedResourceStatuses: { storage: 'NodeResizePending' },
      },
    };
    const patch = { type: 'merge', subresource: 'status', body } as const;
    const claim = { namespace, name: 'grows' };
    await client.patch(PERSISTENT_VOLUME_CLAIMS, claim, patch, never);
    // a change of the pod is a reason to look at its volumes at once
    const note = { type: 'merge', body: { metadata: { annotations: { look: 'now' } } } } as const;
    await client.patch(PODS, claim, note, never);
    const isDone = async (): Promise<boolean> => {
      const found = await client.get(PERSISTENT_VOLUME_CLAIMS, claim, never);
      return found.status?.capacity?.['storage'] === storage;
    };
    await waitFor(isDone, { what: 'the claim to have its size' });
    const { status } = await client.get(PERSISTENT_VOLUME_CLAIMS, claim, never);
    expect(status?.allocatedResourceStatuses).toBeUndefined();
    await script('measures', says('$(df -m /data | tail -n 1)'), claimed('grows'));
    const pod = await e2e.waitForPod('measures', 'to look', (one) => ended(one) !== undefined);
    expect(Number(/ (\d+) /.exec(ended(pod) ?? '')?.[1])).toBeGreaterThan(500);
    for (const one of ['measures', 'grows']) await remove(one);
  });

  it('is measured with its claim', async () => {
    await aClaim('measured', { backing: 'image' });
    await script('measured', forever, claimed('measured'));
    await e2e.waitForPod('measured', 'to run', runs);
    const page = (path: string): Promise<string> =>
      e2e.cluster.get(`http://${e2e.cluster.space.network.nodeIp}:${READ_ONLY_PORT}${path}`);
    const isShown = async (): Promise<boolean> =>
      (await page('/stats/summary')).includes('"pvcRef":{"name":"measured"');
    await waitFor(isShown, { what: 'the claim in the summary' });
    const series = `kubelet_volume_stats_capacity_bytes{namespace="${e2e.namespace}",persistentvolumeclaim="measured"}`;
    expect(await page('/metrics')).toContain(series);
    await remove('measured');
  });
});

it('a volume that a pod declares lives as long as the pod', async () => {
  const spec = { volumes: [{ name: 'data', csi: { driver: driver.name } }] };
  const before = (await readdir(stateDir())).length;
  await script('inline', `touch /data/file; ${says('$(ls /data)')}`, spec);
  const pod = await e2e.waitForPod('inline', 'to end', (one) => ended(one) !== undefined);
  expect(ended(pod)).toContain('file');
  await remove('inline');
  const isGone = async (): Promise<boolean> => (await readdir(stateDir())).length === before;
  await waitFor(isGone, { what: 'the volume to be gone' });
});

it("the node's object names the driver's node and topology", async () => {
  const { metadata } = await e2e.client.get(NODES, { name: e2e.cluster.nodeName }, never);
  const ids = JSON.parse(
    metadata?.annotations?.['csi.volume.kubernetes.io/nodeid'] ?? '{}',
  ) as object;
  expect(ids).toEqual({ [driver.name]: e2e.cluster.nodeName });
  expect(metadata?.labels?.[`${driver.name}/node`]).toBe(e2e.cluster.nodeName);
});
