import { mkdtempSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { isKubeError, PODS } from '@nodeagent/kube-client';
import { findKubectls, runCommand, waitFor } from '@nodeagent/testbed';
import { afterAll, describe, expect, it } from 'vitest';

import { whileCutOff } from './cut-off.ts';
import { isReady, mainContainer, useCluster } from './fixture.ts';

const dir = mkdtempSync(join(tmpdir(), 'manifests-'));
const e2e = useCluster({ staticPodPath: dir });
const BIN_DIR = resolve(import.meta.dirname, '../../../dist/bin');
const never = new AbortController().signal;

afterAll(() => rm(dir, { recursive: true, force: true }));

/** The API's name of the static pod. */
const named = (name: string): string => `${name}-${e2e.cluster.nodeName}`;

/** Writes the file in one step, as everyone should; the YAML is hand-written. */
async function write(name: string, container: object, spec: object = {}): Promise<void> {
  const lines = [
    'apiVersion: v1',
    'kind: Pod',
    `metadata: { name: ${name}, namespace: ${e2e.namespace} }`,
    `spec: ${JSON.stringify({
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', imagePullPolicy: 'Never', ...container }],
      ...spec,
    })}`,
  ];
  await writeFile(join(dir, '.next'), lines.join('\n'));
  await rename(join(dir, '.next'), join(dir, `${name}.yaml`));
}

const web = { image: 'nodeagent.test/web:1' };
const speaker = (word: string): object => ({
  image: 'nodeagent.test/busybox:1',
  command: ['sh', '-c', `echo ${word}; exec sleep 3600`],
});

async function kubectl(...args: string[]): Promise<string> {
  const { path } = (await findKubectls()).at(-1)!;
  const common = ['--kubeconfig', e2e.cluster.kubeconfig, '-n', e2e.namespace];
  return runCommand([path, ...common, ...args]);
}

describe('a static pod', () => {
  it('runs from its file, and kubectl finds it by its mirror', async () => {
    await write('web', web);
    const pod = await e2e.waitForPod(named('web'), 'to be ready', isReady);
    const answer = await waitFor(() => e2e.cluster.get(`http://${pod.status?.podIP}:8080/`), {
      what: 'its server to answer',
    });
    expect(answer).toBe(`${named('web')}\n`);
    await write('speaker', speaker('hello'));
    await e2e.waitForPod(named('speaker'), 'to be ready', isReady);
    const hasSpoken = async () => (await kubectl('logs', named('speaker'))) === 'hello\n';
    await waitFor(hasSpoken, { what: 'the log of the static pod' });
    expect(await kubectl('exec', named('speaker'), '--', 'echo', 'there')).toBe('there\n');
  });

  it('is not restarted when its mirror is deleted by kubectl', async () => {
    const before = await e2e.waitForPod(named('web'), 'to be ready', isReady);
    await kubectl('delete', 'pod', named('web'), '--wait=false');
    const after = await e2e.waitForPod(named('web'), 'to be back', (pod) => {
      return isReady(pod) && pod.metadata?.uid !== before.metadata?.uid;
    });
    expect(mainContainer(after)).toEqual(mainContainer(before));
  });

  it('whose file changed while the kubelet was dead is replaced afterwards', async () => {
    const before = await e2e.waitForPod(named('speaker'), 'to be ready', isReady);
    const kept = mainContainer(await e2e.waitForPod(named('web'), 'to be ready', isReady));
    await e2e.cluster.kubelet.kill9();
    await write('speaker', speaker('again'));
    await e2e.cluster.kubelet.start();
    const after = await e2e.waitForPod(named('speaker'), 'to be the new one', (pod) => {
      return isReady(pod) && pod.metadata?.uid !== before.metadata?.uid;
    });
    expect(mainContainer(after).id).not.toBe(mainContainer(before).id);
    expect(mainContainer(await e2e.getPod(named('web')))).toEqual(kept);
  });

  it('keeps running, and others start, beside files that are not pods; the log names those', async () => {
    const kept = mainContainer(await e2e.waitForPod(named('web'), 'to be ready', isReady));
    await writeFile(join(dir, 'broken.yaml'), 'kind: {');
    await writeFile(
      join(dir, 'other.yaml'),
      'apiVersion: v1\nkind: Service\nmetadata: { name: x }',
    );
    await write('UPPER', web);
    await write('sound', speaker('sound'));
    await e2e.waitForPod(named('sound'), 'to be ready', isReady);
    expect(mainContainer(await e2e.getPod(named('web')))).toEqual(kept);
    const isTold = async (name: string): Promise<boolean> =>
      (await readFile(e2e.cluster.kubelet.logFile, 'utf8'))
        .split('\n')
        .some((line) => line.includes('manifest not used') && line.includes(join(dir, name)));
    for (const name of ['broken.yaml', 'other.yaml', 'UPPER.yaml']) {
      await waitFor(() => isTold(name), { what: `the log to name ${name}` });
      await rm(join(dir, name));
    }
    await rm(join(dir, 'sound.yaml'));
  });

  it('starts while the API server is unreachable, and appears there afterwards', async () => {
    const kept = mainContainer(await e2e.waitForPod(named('web'), 'to be ready', isReady));
    const { space, kubelet } = e2e.cluster;
    await whileCutOff(e2e, async () => {
      await kubelet.kill9();
      const before = (await readFile(kubelet.logFile)).length;
      await kubelet.start();
      const isCutOff = async () =>
        (await readFile(kubelet.logFile)).includes('ECONNREFUSED', before);
      await waitFor(isCutOff, { what: 'the kubelet to miss the API server' });
      const out = {
        name: 'out',
        hostPath: { path: join(space.dir, 'out'), type: 'DirectoryOrCreate' },
      };
      const command = ['sh', '-c', 'echo runs >> /out/cut-off; exec sleep 3600'];
      const volumeMounts = [{ name: 'out', mountPath: '/out' }];
      const image = 'nodeagent.test/busybox:1';
      await write('cut-off', { image, command, volumeMounts }, { volumes: [out] });
      const hasRun = async () => (await readFile(join(space.dir, 'out/cut-off'), 'utf8')) !== '';
      await waitFor(hasRun, { what: 'the static pod to run' });
      await expect(e2e.getPod(named('cut-off'))).rejects.toMatchObject({ code: 'KUBE_NOT_FOUND' });
    });
    const shown = await e2e.waitForPod(named('cut-off'), 'to be shown', isReady);
    expect(mainContainer(shown).restarts).toBe(0);
    expect(await readFile(join(space.dir, 'out/cut-off'), 'utf8')).toBe('runs\n');
    expect(mainContainer(await e2e.getPod(named('web')))).toEqual(kept);
    await rm(join(dir, 'cut-off.yaml'));
  });

  it('ends when its file is removed', async () => {
    const { id } = mainContainer(await e2e.waitForPod(named('web'), 'to be ready', isReady));
    await rm(join(dir, 'web.yaml'));
    const isGone = async () => {
      const answer = await e2e.getPod(named('web')).catch((error: unknown) => error);
      return isKubeError(answer, 'KUBE_NOT_FOUND');
    };
    await waitFor(isGone, { what: 'the mirror pod to be gone' });
    await waitFor(async () => !(await e2e.cluster.containerd.ctr('tasks', 'ls')).includes(id), {
      what: 'its container to be gone',
    });
  });
});

describe('without an API server', () => {
  it('the kubelet runs the pods of its directory, and ends the pods of the API', async () => {
    await e2e.createPod({ name: 'of-the-api', container: {} });
    const pod = await e2e.waitForPod('of-the-api', 'to be ready', isReady);
    const { id } = mainContainer(pod);
    await e2e.cluster.kubelet.stop();
    const { space, nodeName } = e2e.cluster;
    const argv = [
      join(BIN_DIR, 'kubelet'),
      `--config=${join(space.dir, 'kubelet/config.json')}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${space.network.nodeIp}`,
      `--root-dir=${join(space.dir, 'kubelet/root')}`,
      `--cert-dir=${join(space.dir, 'kubelet/root/pki')}`,
    ];
    const env = { NODEAGENT_NODE: process.execPath };
    const alone = await space.start('kubelet-alone', argv, env);
    try {
      await write('alone', web, { hostNetwork: true });
      const url = `http://${space.network.nodeIp}:8080/`;
      const answers = async () => {
        alone.assertRunning();
        return e2e.cluster.get(url);
      };
      await waitFor(answers, { what: 'the static pod to answer' });
      await waitFor(async () => !(await e2e.cluster.containerd.ctr('tasks', 'ls')).includes(id), {
        what: 'the pod that no source has to be gone',
      });
    } finally {
      await alone.stop();
    }
    await e2e.cluster.kubelet.start();
    await e2e.waitForPod(named('alone'), 'to be shown', isReady);
    await e2e.client.delete(PODS, { namespace: e2e.namespace, name: 'of-the-api' }, {}, never);
  });
});
