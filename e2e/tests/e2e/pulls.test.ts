import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { createCriClient, type CriClient } from '@nodeagent/cri-client/grpc';
import { SECRETS, SERVICE_ACCOUNTS } from '@nodeagent/kube-client';
import {
  buildImage,
  busyboxFiles,
  type ImageArchive,
  type Registry,
  startRegistry,
  waitFor,
} from '@nodeagent/testbed';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { useCluster } from './fixture.ts';
import { aScript, createPod, eventsOf, isRunning, SERVES, statusOf } from './pods.ts';
import { type RegistryDoor, startRegistryDoor } from './registry/door.ts';

const LOGIN = { username: 'member', password: 'right' };
const e2e = useCluster({}, { images: ['busybox'] });
const never = new AbortController().signal;
let cri: CriClient;
/** A registry behind a door. */
let open: Guarded;
/** The same, with a required login. */
let locked: Guarded;

interface Guarded {
  readonly registry: Registry;
  readonly door: RegistryDoor;
}

beforeAll(async () => {
  const { space, containerd } = e2e.cluster;
  cri = createCriClient({ endpoint: containerd.endpoint });
  const guarded = async (registry: Registry, port: number): Promise<Guarded> => {
    return { registry, door: await startRegistryDoor(space, registry, port) };
  };
  open = await guarded(await startRegistry({ space, port: 5000 }), 5300);
  locked = await guarded(await startRegistry({ space, port: 5001, login: LOGIN }), 5301);
});
afterAll(async () => {
  cri.close();
  for (const { registry, door } of [open, locked]) {
    await door.stop();
    await registry.stop();
  }
});

/** Pushes an image and returns its name at the door. */
async function publish({ registry, door }: Guarded, path: string): Promise<ImageArchive> {
  const files = [...(await busyboxFiles()), { path: '/path', content: path }]; // a unique image id
  const name = `${door.host}/${path}:1`;
  const archive = await buildImage({ name, files, entrypoint: [] });
  await registry.push(archive);
  return archive;
}

/** The kubelet's records of pulls. */
async function records(kind: 'pulling' | 'pulled'): Promise<readonly Record<string, unknown>[]> {
  const dir = join(e2e.cluster.space.dir, 'kubelet/root/image_manager', kind);
  const texts = (await readdir(dir)).map((name) => readFile(join(dir, name), 'utf8'));
  return (await Promise.all(texts)).map((text) => JSON.parse(text) as Record<string, unknown>);
}

/** The id of an image on the node, in the runtime's form. */
async function recordOf(image: string): Promise<Record<string, unknown> | undefined> {
  const found = await cri.images.imageStatus({ image }, never);
  return (await records('pulled')).find(({ imageRef }) => imageRef === found?.id);
}

const linesOf = (text: string): readonly string[] => text.trim().split('\n').filter(Boolean);

describe('a kubelet that is killed during a pull', () => {
  beforeEach(() => open.door.close());

  const askedFor = (part: string): number =>
    open.door.asked().filter((line) => line.includes(part)).length;

  /** Runs the image, and kills the kubelet as soon as it asks the registry for the content. */
  async function killWhilePulling(name: string, image: string): Promise<void> {
    const container = aScript('app', SERVES, { image, imagePullPolicy: 'IfNotPresent' });
    await createPod(e2e, name, { containers: [container] });
    await waitFor(() => askedFor(`/${name}/blobs/`) > 0, { what: 'the image to be asked for' });
    await e2e.cluster.kubelet.kill9();
  }

  it('pulls again: the pod starts once, and all pods may use the image', async () => {
    const { containerd, kubelet } = e2e.cluster;
    const { name: image } = await publish(open, 'slow');
    await killWhilePulling('slow', image);
    const apiVersion = 'kubelet.config.k8s.io/v1beta1';
    const intent = { apiVersion, kind: 'ImagePullIntent', image };
    expect(await records('pulling')).toEqual([intent]);
    const before = askedFor('/slow/blobs/');
    await kubelet.start();
    await waitFor(() => askedFor('/slow/blobs/') > before, { what: 'it to be asked for again' });
    expect(await records('pulling')).toEqual([intent]);
    await open.door.open();
    const pod = await e2e.waitForPod('slow', 'to run', isRunning('app'));
    expect(statusOf(pod, 'app')?.restartCount).toBe(0);
    const reasons = (await eventsOf(e2e, 'slow')).map(({ reason }) => reason);
    expect(reasons).not.toContain('Failed');

    expect(await records('pulling')).toEqual([]);
    expect(await recordOf(image)).toEqual({
      apiVersion,
      kind: 'ImagePulledRecord',
      imageRef: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      lastUpdatedTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      credentialMapping: { [`${open.door.host}/slow`]: { nodePodsAccessible: true } },
    });
    // One sandbox with one container, and nothing half done.
    const ofPod = `labels."io.kubernetes.pod.uid"==${pod.metadata?.uid}`;
    expect(linesOf(await containerd.ctr('containers', 'ls', '-q', ofPod))).toHaveLength(2);
    expect(linesOf(await containerd.ctr('leases', 'ls', '-q'))).toEqual([]);
    expect(linesOf(await containerd.ctr('content', 'active')).slice(1)).toEqual([]);
  });

  it('pulls again an image that arrived by other means: it was not preloaded', async () => {
    const { containerd, kubelet } = e2e.cluster;
    const { file, name: image } = await publish(open, 'meanwhile');
    await killWhilePulling('meanwhile', image);
    await containerd.importImage(file, image);
    const before = askedFor('/meanwhile/manifests/');
    await kubelet.start();
    await e2e.waitForPod('meanwhile', 'to run', isRunning('app'));
    expect(askedFor('/meanwhile/manifests/')).toBeGreaterThan(before);
    expect(await records('pulling')).toEqual([]);
    expect(await recordOf(image)).toMatchObject({
      credentialMapping: { [`${open.door.host}/meanwhile`]: { nodePodsAccessible: true } },
    });
  });
});

describe('an unreachable registry', () => {
  it('is tried again: ErrImagePull, ImagePullBackOff, and the pod starts when it answers', async () => {
    await publish(open, 'late');
    const image = '127.0.0.1:5302/late:1';
    const container = aScript('app', SERVES, { image, imagePullPolicy: 'IfNotPresent' });
    await createPod(e2e, 'late', { containers: [container] });
    const waitsFor = (reason: string) =>
      e2e.waitForPod('late', `to wait: ${reason}`, (pod) => {
        return statusOf(pod, 'app')?.state?.waiting?.reason === reason;
      });
    const why = /connect: connection refused$/;
    const failed = statusOf(await waitsFor('ErrImagePull'), 'app')?.state?.waiting;
    expect(failed?.message).toMatch(why);
    const later = statusOf(await waitsFor('ImagePullBackOff'), 'app')?.state?.waiting;
    expect(later?.message).toBe(
      `Back-off pulling image "${image}": ErrImagePull: ${failed?.message}`,
    );
    const door = await startRegistryDoor(e2e.cluster.space, open.registry, 5302);
    try {
      const pod = await e2e.waitForPod('late', 'to run', isRunning('app'));
      expect(statusOf(pod, 'app')?.restartCount).toBe(0);
    } finally {
      await door.stop();
    }
    expect(await records('pulling')).toEqual([]);
  });
});

describe('several pull secrets for one registry', () => {
  /** Creates a pull secret for a part of the registry, which accepts only the user `member`. */
  async function createSecret(name: string, place: string, username: string) {
    const login = { username, password: LOGIN.password };
    const config = btoa(JSON.stringify({ auths: { [place]: login } }));
    const type = 'kubernetes.io/dockerconfigjson';
    const metadata = { namespace: e2e.namespace, name };
    const secret = { metadata, type, data: { '.dockerconfigjson': config } };
    return e2e.client.create(SECRETS, secret, never);
  }

  /** Users who requested the image, in order; each once, however often they asked. */
  const whoCameFor = (path: string): readonly string[] => {
    const lines = locked.door.asked().filter((line) => line.includes(`/v2/${path}/manifests/`));
    return [...new Set(lines.map((line) => line.split(' ').at(-1) ?? ''))].filter(
      (user) => user !== '-',
    );
  };

  beforeAll(async () => {
    const { host } = locked.door;
    await createSecret('whole', host, LOGIN.username);
    await createSecret('team', `${host}/team`, 'of-team');
    await createSecret('app', `${host}/team/app`, 'of-app');
    await createSecret('other', `${host}/other`, 'of-other');
  });

  it('are tried one after the other, the longest match with the image’s path first', async () => {
    const { name: image } = await publish(locked, 'team/app');
    const imagePullSecrets = ['whole', 'other', 'team', 'app'].map((name) => ({ name }));
    const container = aScript('app', SERVES, { image, imagePullPolicy: 'Always' });
    await createPod(e2e, 'many', { imagePullSecrets, containers: [container] });
    await e2e.waitForPod('many', 'to run', isRunning('app'));
    expect(whoCameFor('team/app')).toEqual(['of-app', 'of-team', LOGIN.username]);
    expect(await eventsOf(e2e, 'many')).not.toContainEqual(
      expect.objectContaining({ reason: 'Failed' }),
    );
    const { metadata } = await e2e.client.get(
      SECRETS,
      { namespace: e2e.namespace, name: 'whole' },
      never,
    );
    const { uid, namespace, name } = metadata ?? {};
    const owner = { uid, namespace, name, credentialHash: expect.stringMatching(/^[0-9a-f]{64}$/) };
    expect(await recordOf(image)).toMatchObject({
      credentialMapping: { [`${locked.door.host}/team/app`]: { kubernetesSecrets: [owner] } },
    });
  });

  it('come from the service account only for pods that name none', async () => {
    const { name: image } = await publish(locked, 'team/api');
    const metadata = { namespace: e2e.namespace, name: 'puller' };
    const imagePullSecrets = [{ name: 'whole' }, { name: 'team' }];
    await e2e.client.create(SERVICE_ACCOUNTS, { metadata, imagePullSecrets }, never);
    const container = aScript('app', SERVES, { image, imagePullPolicy: 'Always' });
    const spec = { serviceAccountName: 'puller', containers: [container] };
    await createPod(e2e, 'own', { ...spec, imagePullSecrets: [{ name: 'team' }] });
    const refused = await e2e.waitForPod('own', 'to be refused', (pod) => {
      const { reason = '' } = statusOf(pod, 'app')?.state?.waiting ?? {};
      return ['ErrImagePull', 'ImagePullBackOff'].includes(reason);
    });
    expect(statusOf(refused, 'app')?.state?.waiting?.message).toContain('401 Unauthorized');
    expect(whoCameFor('team/api')).toEqual(['of-team']);
    await createPod(e2e, 'inherits', spec);
    await e2e.waitForPod('inherits', 'to run', isRunning('app'));
    expect(whoCameFor('team/api')).toEqual(['of-team', LOGIN.username]);
  });

  it('come before the node’s own login', async () => {
    const { name: image } = await publish(locked, 'team/node');
    const own = join(e2e.cluster.space.dir, 'kubelet/root/config.json');
    await writeFile(own, JSON.stringify({ auths: { [locked.door.host]: LOGIN } }));
    try {
      const container = aScript('app', SERVES, { image, imagePullPolicy: 'Always' });
      const imagePullSecrets = [{ name: 'team' }];
      await createPod(e2e, 'of-node', { imagePullSecrets, containers: [container] });
      await e2e.waitForPod('of-node', 'to run', isRunning('app'));
    } finally {
      await rm(own);
    }
    expect(whoCameFor('team/node')).toEqual(['of-team', LOGIN.username]);
    expect(await recordOf(image)).toMatchObject({
      credentialMapping: { [`${locked.door.host}/team/node`]: { nodePodsAccessible: true } },
    });
  });
});
