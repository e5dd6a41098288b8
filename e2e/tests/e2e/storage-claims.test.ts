import { readdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';

import {
  EVENTS,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type PersistentVolumeClaim,
  type Pod,
  PODS,
  STATEFUL_SETS,
  type StatefulSet,
  STORAGE_CLASSES,
  VOLUME_ATTACHMENTS,
} from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { isReady, useCluster } from './fixture.ts';
import { type HostPathDriver, installHostPathDriver, isGone } from './hostpath-driver.ts';

// a running pod's claims are looked at each time the pod is synced
const e2e = useCluster({ syncFrequency: '5s' });
const never = new AbortController().signal;
let driver: HostPathDriver;

beforeAll(async () => {
  driver = await installHostPathDriver(e2e, { label: 'hostpath', attaches: false });
});
afterAll(async () => {
  await removeSet();
  await removeClaims(driver.name);
  await driver.remove();
});

/** Deletes the claims of a class, and waits for their volumes to go with them. */
async function removeClaims(storageClass: string): Promise<void> {
  const { client, namespace } = e2e;
  const { items } = await client.list(PERSISTENT_VOLUME_CLAIMS, { namespace }, never);
  for (const { metadata, spec } of items) {
    if (spec?.storageClassName !== storageClass) continue;
    const name = { namespace, name: metadata?.name ?? '' };
    await client.delete(PERSISTENT_VOLUME_CLAIMS, name, {}, never);
  }
  const isEmpty = async (): Promise<boolean> => {
    const volumes = await client.list(PERSISTENT_VOLUMES, {}, never);
    return !volumes.items.some((one) => one.spec?.storageClassName === storageClass);
  };
  await waitFor(isEmpty, { what: `the volumes of class ${storageClass} to be gone` });
}

async function removeSet(): Promise<void> {
  const { client, namespace } = e2e;
  await client.delete(STATEFUL_SETS, { namespace, name: 'db' }, {}, never);
  for (const name of ['db-0', 'db-1']) {
    await waitFor(() => isGone(e2e.getPod(name)), { what: `pod ${name} to be gone` });
  }
}

const SIZE = '32Mi';

function claimSpec(more: object = {}) {
  return {
    accessModes: ['ReadWriteOnce'],
    storageClassName: driver.name,
    resources: { requests: { storage: SIZE } },
    ...more,
  };
}

function container(text: string): object {
  return {
    name: 'main',
    image: 'nodeagent.test/busybox:1',
    imagePullPolicy: 'Never',
    command: ['sh', '-c', `${text}; trap "exit 0" TERM; while :; do sleep 1 & wait $!; done`],
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  };
}

/** The scheduler chooses the node: in a cluster of others, this one. */
function podSpec(text: string, more: object = {}): Pod['spec'] {
  return {
    nodeSelector: { 'kubernetes.io/hostname': e2e.cluster.nodeName },
    terminationGracePeriodSeconds: 1,
    containers: [container(text)],
    ...more,
  } as unknown as Pod['spec'];
}

async function createClaim(name: string, more: object = {}): Promise<void> {
  const { client, namespace } = e2e;
  const claim = { metadata: { namespace, name }, spec: claimSpec(more) };
  await client.create(PERSISTENT_VOLUME_CLAIMS, claim, never);
}

async function createPod(name: string, claimName: string, text: string): Promise<void> {
  const { client, namespace } = e2e;
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName } }];
  const spec = podSpec(text, { volumes });
  await client.create(PODS, { metadata: { namespace, name }, spec } as Pod, never);
}

const claimNamed = (name: string): Promise<PersistentVolumeClaim> =>
  e2e.client.get(PERSISTENT_VOLUME_CLAIMS, { namespace: e2e.namespace, name }, never);

/** The file system that a running pod sees, as the node sees it. */
async function dataOf(pod: Pod, claimName: string): Promise<string> {
  const { spec } = await claimNamed(claimName);
  const root = join(e2e.cluster.space.dir, 'kubelet/root');
  const volumes = `pods/${pod.metadata?.uid}/volumes/kubernetes.io~csi`;
  return join(root, volumes, spec?.volumeName ?? '', 'mount');
}

async function linesOf(pod: Pod, claimName: string, file: string): Promise<readonly string[]> {
  const text = await readFile(join(await dataOf(pod, claimName), file), 'utf8');
  return text.trimEnd().split('\n');
}

async function deletePod(name: string): Promise<void> {
  const { client, namespace } = e2e;
  await client.delete(PODS, { namespace, name }, {}, never);
  await waitFor(() => isGone(e2e.getPod(name)), { what: `pod ${name} to be gone` });
}

async function saysEvent(about: string, reason: string): Promise<boolean> {
  const { client, namespace } = e2e;
  const fieldSelector = `involvedObject.name=${about},reason=${reason}`;
  const { items } = await client.list(EVENTS, { namespace, fieldSelector }, never);
  return items.length > 0;
}

describe('a stateful set with claims', () => {
  const at = () => ({ namespace: e2e.namespace, name: 'db' });
  const note = 'echo $HOSTNAME >> /data/starts; sync';

  const scale = async (replicas: number): Promise<void> => {
    const patch = { type: 'merge', body: { spec: { replicas } } } as const;
    await e2e.client.patch(STATEFUL_SETS, at(), patch, never);
  };
  const starts = async (name: string, count: number): Promise<void> => {
    const pod = await e2e.waitForPod(name, 'to be ready', isReady);
    const lines = await waitFor(
      async () => {
        const found = await linesOf(pod, `data-${name}`, 'starts');
        return found.length >= count && found;
      },
      { what: `${name} to have started ${count} times` },
    );
    expect(lines).toEqual(Array.from({ length: count }, () => name));
  };

  it('writes to volumes that the driver makes for it', async () => {
    const set = {
      metadata: at(),
      spec: {
        replicas: 2,
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: { metadata: { labels: { app: 'db' } }, spec: podSpec(note) },
        volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claimSpec() }],
      },
    };
    await e2e.client.create(STATEFUL_SETS, set as unknown as StatefulSet, never);
    await starts('db-0', 1);
    await starts('db-1', 1);
    const claim = await claimNamed('data-db-0');
    expect(claim.status).toMatchObject({ phase: 'Bound', capacity: { storage: SIZE } });
    const name = { name: claim.spec?.volumeName ?? '' };
    const volume = await e2e.client.get(PERSISTENT_VOLUMES, name, never);
    expect(volume.status?.phase).toBe('Bound');
    expect(volume.spec?.nodeAffinity?.required?.nodeSelectorTerms).toEqual([
      {
        matchExpressions: [
          { key: `${driver.name}/node`, operator: 'In', values: [e2e.cluster.nodeName] },
        ],
      },
    ]);
  });

  it('finds its data again after a pod was deleted', async () => {
    const before = (await e2e.getPod('db-1')).metadata?.uid;
    await e2e.client.delete(PODS, { namespace: e2e.namespace, name: 'db-1' }, {}, never);
    const isNew = async (): Promise<boolean> => {
      const pod = await e2e.getPod('db-1');
      return pod.metadata?.uid !== before;
    };
    await waitFor(isNew, { what: 'another db-1' });
    await starts('db-1', 2);
  });

  it('finds its data again after it was scaled down and up', async () => {
    await scale(0);
    for (const name of ['db-1', 'db-0']) {
      await waitFor(() => isGone(e2e.getPod(name)), { what: `pod ${name} to be gone` });
    }
    expect((await claimNamed('data-db-1')).status?.phase).toBe('Bound');
    await scale(2);
    await starts('db-0', 2);
    await starts('db-1', 3);
  });
});

describe('a claim that grows', () => {
  const MIB = 2 ** 20;

  const ask = async (name: string, storage: string): Promise<void> => {
    const body = { spec: { resources: { requests: { storage } } } };
    const at = { namespace: e2e.namespace, name };
    await e2e.client.patch(PERSISTENT_VOLUME_CLAIMS, at, { type: 'merge', body }, never);
  };
  const hasGrown = (name: string, storage: string) =>
    waitFor(
      async () => {
        const { status } = await claimNamed(name);
        const isDone = status?.allocatedResourceStatuses?.['storage'] === undefined;
        return status?.capacity?.['storage'] === storage && isDone && status;
      },
      { what: `claim ${name} to have ${storage}` },
    );
  const sizeOf = async (path: string): Promise<number> => {
    const { blocks, bsize } = await statfs(path);
    return blocks * bsize;
  };

  it('has a larger file system under the feet of its pod', async () => {
    const { client } = e2e;
    // growing ext4 in use needs a capability that containers of tests may not have
    const storageClass = { metadata: { name: `xfs-${driver.name}` }, provisioner: driver.name };
    const parameters = { backing: 'image', fsType: 'xfs' };
    const own = { ...storageClass, parameters, allowVolumeExpansion: true };
    await client.create(STORAGE_CLASSES, { ...own, reclaimPolicy: 'Delete' }, never);
    const requests = { storage: '320Mi' };
    const storageClassName = own.metadata.name;
    await createClaim('grows', { storageClassName, resources: { requests } });
    await createPod('grows', 'grows', 'echo kept > /data/file; sync');
    const pod = await e2e.waitForPod('grows', 'to be ready', isReady);
    const path = await dataOf(pod, 'grows');
    const before = await sizeOf(path);
    await ask('grows', '448Mi');
    const status = await hasGrown('grows', '448Mi');
    expect((await sizeOf(path)) - before).toBeGreaterThan(100 * MIB);
    expect(status.conditions ?? []).toEqual([]);
    expect(await linesOf(pod, 'grows', 'file')).toEqual(['kept']);
    await deletePod('grows');
    await removeClaims(storageClassName);
    await client.delete(STORAGE_CLASSES, { name: storageClassName }, {}, never);
  });

  it('while no pod has it is as large as it should be for the next one', async () => {
    await createClaim('rests');
    await createPod('first', 'rests', 'true');
    await e2e.waitForPod('first', 'to be ready', isReady);
    await deletePod('first');
    await ask('rests', '64Mi');
    const isLeftToNode = async (): Promise<boolean> =>
      (await claimNamed('rests')).status?.allocatedResourceStatuses?.['storage'] ===
      'NodeResizePending';
    await waitFor(isLeftToNode, { what: 'the driver to have done its part' });
    await createPod('second', 'rests', 'true');
    const pod = await e2e.waitForPod('second', 'to be ready', isReady);
    expect(await sizeOf(await dataOf(pod, 'rests'))).toBeGreaterThan(48 * MIB);
    await hasGrown('rests', '64Mi');
    await deletePod('second');
  });
});

it('a claim for a block device gets one, and its data outlive their pods', async () => {
  await createClaim('raw', { volumeMode: 'Block' });
  const run = async (name: string, text: string): Promise<string> => {
    const { client, namespace } = e2e;
    const main = {
      name: 'main',
      image: 'nodeagent.test/busybox:1',
      imagePullPolicy: 'Never',
      command: ['sh', '-c', text],
      volumeDevices: [{ name: 'data', devicePath: '/dev/raw' }],
    };
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'raw' } }];
    const spec = podSpec('', { containers: [main], volumes, restartPolicy: 'Never' });
    await client.create(PODS, { metadata: { namespace, name }, spec } as Pod, never);
    const isOver = ({ status }: Pod): boolean => status?.phase === 'Succeeded';
    const pod = await e2e.waitForPod(name, 'to end', isOver);
    await deletePod(name);
    return pod.status?.containerStatuses?.[0]?.state?.terminated?.message ?? '';
  };
  await run('writes', 'echo hello | dd of=/dev/raw conv=fsync 2> /dev/null');
  const read = await run('reads', 'dd if=/dev/raw bs=5 count=1 of=/dev/termination-log');
  expect(read).toBe('hello');
});

describe('a claim', () => {
  const volumesOnDisk = async (): Promise<number> => (await readdir(driver.stateDir)).length;

  it('is shared by two pods, and its volume goes with it', async () => {
    const before = await volumesOnDisk();
    await createClaim('shared');
    for (const name of ['one', 'two']) {
      await createPod(name, 'shared', 'touch /data/$HOSTNAME; sync');
    }
    const one = await e2e.waitForPod('one', 'to be ready', isReady);
    await e2e.waitForPod('two', 'to be ready', isReady);
    const path = await dataOf(one, 'shared');
    const hasBoth = async (): Promise<boolean> => {
      const names = await readdir(path);
      return names.includes('one') && names.includes('two');
    };
    await waitFor(hasBoth, { what: 'the files of both pods' });
    const { spec } = await claimNamed('shared');
    const name = { namespace: e2e.namespace, name: 'shared' };
    await e2e.client.delete(PERSISTENT_VOLUME_CLAIMS, name, {}, never);
    await deletePod('one');
    expect((await claimNamed('shared')).metadata?.deletionTimestamp).toBeDefined();
    await deletePod('two');
    await waitFor(() => isGone(claimNamed('shared')), { what: 'the claim to be gone' });
    const volume = { name: spec?.volumeName ?? '' };
    await waitFor(() => isGone(e2e.client.get(PERSISTENT_VOLUMES, volume, never)), {
      what: 'the volume to be gone',
    });
    expect(await volumesOnDisk()).toBe(before);
  });

  it('gets its volume, and its pod starts, when a driver that was killed is back', async () => {
    await driver.kill9();
    await createClaim('patient');
    await createPod('patient', 'patient', 'echo hello > /data/file; sync');
    await waitFor(() => saysEvent('patient', 'ProvisioningFailed'), {
      what: 'an event about the missing driver',
    });
    expect((await e2e.getPod('patient')).spec?.nodeName).toBeUndefined();
    await driver.start();
    const pod = await e2e.waitForPod('patient', 'to be ready', isReady);
    await waitFor(async () => (await linesOf(pod, 'patient', 'file')).includes('hello'), {
      what: 'the file',
    });
    await deletePod('patient');
  });

  it('is mounted when a driver that was killed while its pod was starting is back', async () => {
    await driver.kill9();
    await createPod('again', 'patient', 'cat /data/file >> /data/copy; sync');
    await waitFor(() => saysEvent('again', 'FailedMount'), { what: 'an event about the mount' });
    await driver.start();
    const pod = await e2e.waitForPod('again', 'to be ready', isReady);
    await waitFor(async () => (await linesOf(pod, 'patient', 'copy')).includes('hello'), {
      what: 'what the earlier pod wrote',
    });
    await deletePod('again');
  });

  it('that a pod declares with a template lives as long as the pod', async () => {
    const { client, namespace } = e2e;
    const before = await volumesOnDisk();
    const volumes = [{ name: 'data', ephemeral: { volumeClaimTemplate: { spec: claimSpec() } } }];
    const spec = podSpec('touch /data/file', { volumes });
    await client.create(PODS, { metadata: { namespace, name: 'own' }, spec } as Pod, never);
    await e2e.waitForPod('own', 'to be ready', isReady);
    expect(await volumesOnDisk()).toBe(before + 1);
    await deletePod('own');
    await waitFor(async () => (await volumesOnDisk()) === before, {
      what: 'the volume to be gone',
    });
  });
});

it('a volume that has to be attached is attached, and detached after its last pod', async () => {
  const { client, cluster } = e2e;
  const attached = await installHostPathDriver(e2e, { label: 'attached', attaches: true });
  const attachments = async () => {
    const { items } = await client.list(VOLUME_ATTACHMENTS, {}, never);
    return items.filter(({ spec }) => spec.attacher === attached.name);
  };
  const told = async (): Promise<number> => {
    const { status } = await client.get(NODES, { name: cluster.nodeName }, never);
    return (status?.volumesAttached ?? []).filter(({ name }) => name.includes(attached.name))
      .length;
  };
  await createClaim('attached', { storageClassName: attached.name });
  await createPod('attached', 'attached', 'true');
  await e2e.waitForPod('attached', 'to be ready', isReady);
  expect(
    (await attachments()).map(({ spec, status }) => [spec.nodeName, status?.attached]),
  ).toEqual([[cluster.nodeName, true]]);
  await waitFor(async () => (await told()) === 1, { what: 'the node to be told' });
  await deletePod('attached');
  await waitFor(async () => (await attachments()).length === 0, {
    what: 'the volume to be detached',
  });
  expect(await told()).toBe(0);
  await removeClaims(attached.name);
  await attached.remove();
});
