import { once } from 'node:events';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { isKubeError, type Pod, PODS } from '@nodeagent/kube-client';
import { ifStarted, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { NODE_NAME, type RealNode, type RunningKubelet, startRealNode } from './real-node.js';

const { signal } = new AbortController();

let node: RealNode;
let kubelet: RunningKubelet;
let dir: string;

beforeAll(async () => {
  node = await startRealNode('kubelet-static');
  dir = join(node.containerd.space.dir, 'manifests');
  await mkdir(dir);
});

afterAll(async () => {
  await ifStarted(kubelet)?.stop();
  await ifStarted(node)?.stop();
});

const files = (fileCheckFrequency: string) => ({ staticPodPath: dir, fileCheckFrequency });

const manifest = (name: string, env = 'one', spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [
      { name: 'web', image: 'nodeagent.test/web:1', env: [{ name: 'ROUND', value: env }] },
    ],
    ...spec,
  },
});

/** Writes the file atomically, as every program should. */
async function write(name: string, content: object | string): Promise<void> {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  await writeFile(join(dir, '.next'), text);
  await rename(join(dir, '.next'), join(dir, name));
}

const find = (name: string): Promise<Pod | undefined> =>
  node.user.get(PODS, { namespace: 'default', name }, signal).catch((error: unknown) => {
    if (isKubeError(error, 'KUBE_NOT_FOUND')) return undefined;
    throw error;
  });

const until = async (name: string, what: string, holds: (pod: Pod) => boolean): Promise<Pod> => {
  const look = async () => {
    const pod = await find(name);
    return pod !== undefined && holds(pod) ? pod : undefined;
  };
  return waitFor(look, { what: `static pod ${name} ${what}` });
};

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
const idOf = ({ status }: Pod): string | undefined => status?.containerStatuses?.[0]?.containerID;
const hashOf = ({ metadata }: Pod): string | undefined =>
  metadata?.annotations?.['kubernetes.io/config.hash'];

const running = async (): Promise<readonly string[]> => {
  const found = await node.cri.runtime.listContainers({}, signal);
  return found.filter(({ state }) => state === 'running').map(({ id }) => id);
};

describe('static pods of a directory', () => {
  beforeAll(() => {
    // Longer than the test, so changes are found by inotify only.
    kubelet = node.startKubelet({ config: files('10m') });
  });
  afterAll(() => kubelet.stop());

  it('a manifest runs, and has a mirror pod', async () => {
    await write('web.json', manifest('web'));
    const mirror = await until('web-n1', 'to be ready', isReady);
    const owners = mirror.metadata?.ownerReferences;
    expect(owners).toMatchObject([{ kind: 'Node', name: NODE_NAME, controller: true }]);
    const hash = hashOf(mirror);
    expect(hash).toMatch(/^[0-9a-f]{32}$/);
    expect(mirror.metadata?.annotations).toMatchObject({
      'kubernetes.io/config.mirror': hash,
      'kubernetes.io/config.source': 'file',
      'kubernetes.io/config.seen': expect.stringMatching(/\.\d{9}/) as string,
    });
    expect(mirror.metadata?.uid).not.toBe(hash);
    const [sandbox] = await node.cri.runtime.listPodSandbox({}, signal);
    expect(sandbox?.metadata).toMatchObject({ name: 'web-n1', uid: hash });
  });

  it('a deleted mirror pod comes back, and its container keeps running', async () => {
    const before = await until('web-n1', 'to be ready', isReady);
    for (const options of [{}, { gracePeriodSeconds: 0 }]) {
      const old = await until('web-n1', 'to be ready', isReady);
      await node.user.delete(PODS, { namespace: 'default', name: 'web-n1' }, options, signal);
      const after = await until('web-n1', 'to be another', (pod) => {
        return isReady(pod) && pod.metadata?.uid !== old.metadata?.uid;
      });
      expect(idOf(after)).toBe(idOf(before));
      expect(after.status?.containerStatuses?.[0]?.restartCount).toBe(0);
    }
  });

  it('a changed manifest is a new pod, which starts when the old one has ended', async () => {
    const before = await until('web-n1', 'to be ready', isReady);
    await write('web.json', manifest('web', 'two'));
    const after = await until('web-n1', 'to be the new one', (pod) => {
      return isReady(pod) && hashOf(pod) !== hashOf(before);
    });
    const old = (idOf(before) ?? '').replace(/^.*:\/\//, '');
    const young = (idOf(after) ?? '').replace(/^.*:\/\//, '');
    const now = await running();
    expect(now).toContain(young);
    expect(now).not.toContain(old);
  });

  it('an invalid manifest does not affect the others', async () => {
    const before = await until('web-n1', 'to be ready', isReady);
    await write('secret.json', manifest('secret', '', { serviceAccountName: 'default' }));
    await write('broken.yaml', 'kind: {');
    await write('last.json', manifest('last'));
    await until('last-n1', 'to be ready', isReady);
    expect(await find('secret-n1')).toBeUndefined();
    expect(idOf(await until('web-n1', 'to be ready', isReady))).toBe(idOf(before));
  });

  it('the pod and mirror of a removed manifest end', async () => {
    const id = (idOf(await until('last-n1', 'to be ready', isReady)) ?? '').replace(/^.*:\/\//, '');
    await rm(join(dir, 'last.json'));
    const isGone = async () =>
      (await find('last-n1')) === undefined && !(await running()).includes(id);
    await waitFor(isGone, { what: 'the removed static pod to be gone' });
  });

  it('outlive their kubelet: the next one finds the same containers', async () => {
    const before = await until('web-n1', 'to be ready', isReady);
    await kubelet.stop();
    kubelet = node.startKubelet({ config: files('10m') });
    await write('proof.json', manifest('proof'));
    await until('proof-n1', 'to be ready', isReady);
    const after = await until('web-n1', 'to be ready', isReady);
    expect(idOf(after)).toBe(idOf(before));
    expect(after.metadata?.uid).toBe(before.metadata?.uid);
    expect(after.status?.startTime).toBe(before.status?.startTime);
  });
});

describe('without an API server', () => {
  let server: Server;
  let body = '';

  beforeAll(async () => {
    for (const name of ['web.json', 'proof.json', 'secret.json', 'broken.yaml']) {
      await rm(join(dir, name), { force: true });
    }
    server = createServer((_, response) => response.end(body));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const staticPodURL = `http://127.0.0.1:${port}/`;
    const config = { ...files('200ms'), staticPodURL, httpCheckFrequency: '200ms' };
    kubelet = node.startKubelet({ config, client: null });
  });
  afterAll(async () => {
    await kubelet.stop();
    server.close();
  });

  const sandboxes = async (): Promise<readonly string[]> => {
    const found = await node.cri.runtime.listPodSandbox({}, signal);
    return found
      .filter(({ state }) => state === 'ready')
      .map(({ metadata }) => metadata?.name ?? '');
  };
  const untilRuns = (names: readonly string[]): Promise<unknown> =>
    waitFor(async () => (await sandboxes()).toSorted().join() === names.join(), {
      what: `exactly these pods to run: ${names.join()}`,
    });

  it('pods of files and of a URL run, and orphans are removed', async () => {
    await write('alone.json', manifest('alone'));
    body = JSON.stringify({ apiVersion: 'v1', kind: 'PodList', items: [manifest('remote')] });
    await untilRuns(['alone-n1', 'remote-n1']);
  });

  it('pods that a source no longer has end', async () => {
    body = JSON.stringify({ apiVersion: 'v1', kind: 'PodList', items: [] });
    await untilRuns(['alone-n1']);
    await rm(join(dir, 'alone.json'));
    await untilRuns([]);
  });
});
