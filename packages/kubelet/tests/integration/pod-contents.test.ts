import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { CONFIG_MAPS, type Pod, PODS, SECRETS } from '@nodeagent/kube-client';
import { ifStarted, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { busybox, BusyboxPods, isRunning, named, statusOf } from './busybox-pods.js';
import { type RealNode, type RunningKubelet, startRealNode } from './real-node.js';

/** A token is renewed after four fifths of that, less up to ten seconds. */
const TOKEN_SECONDS = 12;

let node: RealNode;
let kubelet: RunningKubelet;
let pods: BusyboxPods;
const { signal } = new AbortController();

beforeAll(async () => {
  node = await startRealNode('kubelet-contents', {
    longestTokenSeconds: TOKEN_SECONDS,
    bindingLagMs: 500,
  });
  kubelet = node.startKubelet();
  pods = new BusyboxPods(node);
  await pods.nodeReady();
});

afterAll(async () => {
  await ifStarted(kubelet)?.stop();
  await ifStarted(node)?.stop();
});

const secret = (name: string, value: string) => ({
  metadata: named(name),
  data: { value: Buffer.from(value).toString('base64') },
});

describe('an object that a pod waits for', () => {
  it('is used as soon as it exists: a secret of the environment', async () => {
    const env = [{ name: 'PASS', valueFrom: { secretKeyRef: { name: 'late', key: 'value' } } }];
    await pods.create(busybox('env-waits', { env }));
    const waiting = await pods.until(
      'env-waits',
      'the container to wait for its secret',
      (pod) => statusOf(pod)?.state?.waiting?.reason === 'CreateContainerConfigError',
    );
    expect(statusOf(waiting)?.state?.waiting?.message).toBe('secret "late" not found');
    await node.user.create(SECRETS, { metadata: named('late'), data: { other: 'eA==' } }, signal);
    await pods.until('env-waits', 'the container to miss a key', (pod) => {
      const { message = '' } = statusOf(pod)?.state?.waiting ?? {};
      return message === "couldn't find key value in Secret default/late";
    });
    await node.user.replace(SECRETS, secret('late', 'here'), {}, signal);
    const running = await pods.until('env-waits', 'the container to run', isRunning);
    expect(statusOf(running)?.restartCount).toBe(0);
    expect(await pods.exec(running, 'echo $PASS')).toBe('here\n');
    await pods.untilEvent('env-waits', 'Failed: Error: secret "late" not found');
    await pods.remove('env-waits');
  });

  it('is used as soon as it exists: a config map of a volume', async () => {
    const pod = busybox(
      'volume-waits',
      { volumeMounts: [{ name: 'v', mountPath: '/v' }] },
      { volumes: [{ name: 'v', configMap: { name: 'late' } }] },
    );
    await pods.create(pod);
    const text =
      'FailedMount: MountVolume.SetUp failed for volume "v" : configmap "late" not found';
    await waitFor(async () => (await pods.events('volume-waits')).includes(text), {
      what: 'the event about the missing config map',
    });
    await node.user.create(CONFIG_MAPS, { metadata: named('late'), data: { a: '1' } }, signal);
    expect(
      await pods.exec(await pods.until('volume-waits', 'it to run', isRunning), 'cat /v/a'),
    ).toBe('1');
    await pods.remove('volume-waits');
  });
});

describe('a variable from a file', () => {
  const pod = (name: string, script: string): Pod => {
    const made = busybox(
      name,
      {
        env: [
          {
            name: 'MADE',
            valueFrom: { fileKeyRef: { volumeName: 'work', path: 'env', key: 'MADE' } },
          },
        ],
      },
      { volumes: [{ name: 'work', emptyDir: {} }] },
    );
    const write = {
      name: 'write',
      image: 'nodeagent.test/busybox:1',
      command: ['sh', '-c', script],
      volumeMounts: [{ name: 'work', mountPath: '/work' }],
    };
    return { ...made, spec: { ...made.spec!, initContainers: [write] } };
  };

  it('has the value that an init container wrote', async () => {
    const made = await pods.run(pod('env-file', `echo "MADE='by init'" > /work/env`));
    expect(await pods.exec(made, 'echo $MADE')).toBe('by init\n');
    await pods.remove('env-file');
  });

  it('is never read from another place of the node', async () => {
    await pods.create(pod('env-escape', 'ln -s /etc/passwd /work/env'));
    const waiting = await pods.until('env-escape', 'the container to be refused', (now) => {
      return statusOf(now)?.state?.waiting?.reason === 'CreateContainerConfigError';
    });
    expect(statusOf(waiting)?.state?.waiting?.message).toMatch(
      /^couldn't parse env file: subPath env leads out of its volume/,
    );
    await pods.remove('env-escape');
  });
});

describe('files from the API', () => {
  it('follow their objects at once, except parts of volumes, and outlive them', async () => {
    const configMap = (color: string, more: object = {}) => ({
      metadata: named('settings'),
      data: { color, ...more },
    });
    await node.user.create(CONFIG_MAPS, configMap('blue'), signal);
    await node.user.create(SECRETS, secret('password', 'old'), signal);
    const pod = await pods.run(
      busybox(
        'follows',
        {
          volumeMounts: [
            { name: 'config', mountPath: '/config' },
            { name: 'config', mountPath: '/part/color', subPath: 'color' },
            { name: 'all', mountPath: '/all' },
          ],
        },
        {
          volumes: [
            { name: 'config', configMap: { name: 'settings' } },
            {
              name: 'all',
              projected: {
                sources: [
                  { secret: { name: 'password', items: [{ key: 'value', path: 'deep/pass' }] } },
                  { serviceAccountToken: { path: 'token', expirationSeconds: 600 } },
                ],
              },
            },
          ],
        },
      ),
    );
    const look = 'cat /config/color /part/color /all/deep/pass; ls /config; cut -c1-2 /all/token';
    expect(await pods.exec(pod, look)).toBe('blueblueoldcolor\ney\n');
    await node.user.replace(CONFIG_MAPS, configMap('red', { size: 'L' }), {}, signal);
    await node.user.replace(SECRETS, secret('password', 'new'), {}, signal);
    const updated = 'redbluenewcolor\nsize\ney\n';
    await waitFor(async () => (await pods.exec(pod, look)) === updated, {
      what: 'the files to follow their objects',
    });
    await node.user.delete(CONFIG_MAPS, named('settings'), {}, signal);
    const text =
      'FailedMount: MountVolume.SetUp failed for volume "config" : configmap "settings" not found';
    await waitFor(async () => (await pods.events('follows')).includes(text), {
      what: 'the event about the deleted config map',
    });
    expect(await pods.exec(pod, look)).toBe(updated);
    const now = await node.user.get(PODS, named('follows'), signal);
    expect(statusOf(now)).toMatchObject({ restartCount: 0, ready: true });
    await pods.remove('follows');
  });

  it('are removed with their mounts if the pod was deleted while the kubelet was down', async () => {
    await node.user.create(SECRETS, secret('mounted', 'x'), signal);
    const pod = await pods.run(
      busybox(
        'orphan',
        {
          volumeMounts: [
            { name: 'secret', mountPath: '/secret' },
            { name: 'memory', mountPath: '/part', subPath: 'a/b' },
          ],
        },
        {
          volumes: [
            { name: 'secret', secret: { secretName: 'mounted' } },
            { name: 'memory', emptyDir: { medium: 'Memory' } },
          ],
        },
      ),
    );
    const root = join(node.containerd.space.dir, 'kubelet');
    const uid = pod.metadata?.uid ?? '';
    const dir = join(root, 'pods', uid);
    const secrets = () => readdir(join(root, 'volumes-in-memory/pods'));
    const mounts = async (): Promise<number> =>
      (await readFile('/proc/self/mountinfo', 'utf8')).split(`${dir}/`).length - 1;
    expect(await mounts()).toBe(2);
    expect(await secrets()).toContain(uid);
    await kubelet.stop();
    await node.user.delete(PODS, named('orphan'), { gracePeriodSeconds: 0 }, signal);
    kubelet = node.startKubelet();
    await waitFor(async () => (await mounts()) === 0, { what: 'the mounts to be gone' });
    await waitFor(async () => !(await secrets()).includes(uid), { what: 'its secrets to be gone' });
    await waitFor(
      async () => {
        const labels = { 'io.kubernetes.pod.uid': uid };
        return (await node.cri.runtime.listContainers({ labels }, signal)).length === 0;
      },
      { what: 'the container to be gone' },
    );
  });
});

describe('a token of a service account', () => {
  it('is requested again while the API server does not know the binding, without an event', async () => {
    const sources = [{ serviceAccountToken: { path: 'token', expirationSeconds: 600 } }];
    const volumeMounts = [{ name: 'token', mountPath: '/token' }];
    const volumes = [{ name: 'token', projected: { sources } }];
    await pods.run(busybox('bound', { volumeMounts }, { serviceAccountName: 'default', volumes }));
    await pods.untilEvent('bound', 'Started: Container started');
    const failures = (await pods.events('bound')).filter((text) => text.startsWith('Failed'));
    expect(failures).toEqual([]);
    await pods.remove('bound');
  });

  it('is renewed after most of its lifetime, without a restart of the container', async () => {
    await kubelet.stop();
    kubelet = node.startKubelet({ config: { syncFrequency: '1s' } });
    const sources = [{ serviceAccountToken: { path: 'token', expirationSeconds: 600 } }];
    const pod = await pods.run(
      busybox(
        'tokens',
        { volumeMounts: [{ name: 'token', mountPath: '/token' }] },
        { serviceAccountName: 'default', volumes: [{ name: 'token', projected: { sources } }] },
      ),
    );
    type Claims = Readonly<{ iat: number; exp: number; sub: string }>;
    const claims = async (): Promise<Claims> => {
      const [, payload = ''] = (await pods.exec(pod, 'cat /token/token')).split('.');
      return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Claims;
    };
    const first = await claims();
    expect(first).toMatchObject({
      sub: 'system:serviceaccount:default:default',
      exp: first.iat + TOKEN_SECONDS,
    });
    const isNewer = async () => {
      const now = await claims();
      return now.exp > first.exp ? now : undefined;
    };
    const next = await waitFor(isNewer, { what: 'another token', everyMs: 200 });
    expect(next.exp - next.iat).toBe(TOKEN_SECONDS);
    const now = await node.user.get(PODS, named('tokens'), signal);
    expect(statusOf(now)).toMatchObject({
      restartCount: 0,
      containerID: statusOf(pod)?.containerID,
    });
    await pods.remove('tokens');
  });
});
