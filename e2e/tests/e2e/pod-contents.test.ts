import { readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { CONFIG_MAPS, type Container, type Pod, PODS, SECRETS } from '@nodeagent/kube-client';
import {
  buildImage,
  busyboxFiles,
  type Registry,
  startRegistry,
  waitFor,
} from '@nodeagent/testbed';
import { afterAll, describe, expect, it } from 'vitest';

import { useCluster } from './fixture.ts';

const e2e = useCluster();
const never = new AbortController().signal;
const IMAGE = 'nodeagent.test/busybox:1';

let registry: Registry | undefined;
afterAll(() => registry?.stop());

function script(
  name: string,
  text: string,
  more: Partial<Container> & object = {},
  spec: object = {},
) {
  const container = {
    name: 'main',
    image: IMAGE,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', text],
    ...more,
  };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: e2e.namespace },
    spec: {
      nodeName: e2e.cluster.nodeName,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      ...spec,
      containers: [container],
    },
  };
  return e2e.client.create(PODS, pod, never);
}

const waitingFor = ({ status }: Pod): string | undefined =>
  status?.containerStatuses?.[0]?.state?.waiting?.reason;
const ended = ({ status }: Pod): string | undefined =>
  status?.containerStatuses?.[0]?.state?.terminated?.message ?? undefined;

describe('a pod', () => {
  it('gets its secret as soon as there is one, and sees its config map change', async () => {
    const { namespace, client } = e2e;
    const metadata = { namespace, name: 'settings' };
    await client.create(CONFIG_MAPS, { metadata, data: { color: 'blue' } }, never);
    const text = [
      'until [ "$(cat /config/color)" = red ]; do sleep 0.1; done',
      'echo -n "$PASS $(cat /config/color) $(cat /part)" > /dev/termination-log',
    ].join('; ');
    await script(
      'waits',
      text,
      {
        env: [{ name: 'PASS', valueFrom: { secretKeyRef: { name: 'late', key: 'value' } } }],
        volumeMounts: [
          { name: 'config', mountPath: '/config' },
          { name: 'config', mountPath: '/part', subPath: 'color' },
        ],
      },
      { volumes: [{ name: 'config', configMap: { name: 'settings' } }] },
    );
    await e2e.waitForPod('waits', 'to miss its secret', (pod) => {
      return waitingFor(pod) === 'CreateContainerConfigError';
    });
    const late = { metadata: { namespace, name: 'late' }, data: { value: btoa('here') } };
    await client.create(SECRETS, late, never);
    await e2e.waitForPod('waits', 'to run', ({ status }) => status?.phase === 'Running');
    await client.replace(CONFIG_MAPS, { metadata, data: { color: 'red' } }, {}, never);
    const done = await e2e.waitForPod(
      'waits',
      'to end',
      ({ status }) => status?.phase === 'Succeeded',
    );
    expect(ended(done)).toBe('here red blue');
    expect(done.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  });

  it('from a private registry runs with its secret, and other pods cannot use its image', async () => {
    const login = { username: 'who', password: 'secret' };
    registry = await startRegistry({ space: e2e.cluster.space, login });
    const image = await registry.push(
      await buildImage({
        name: 'nodeagent.test/private:1',
        files: await busyboxFiles(),
        entrypoint: ['/bin/sh'],
        env: { IS: 'private' },
      }),
    );
    const data = {
      '.dockerconfigjson': btoa(JSON.stringify({ auths: { [registry.host]: login } })),
    };
    const metadata = { namespace: e2e.namespace, name: 'pull' };
    const type = 'kubernetes.io/dockerconfigjson';
    await e2e.client.create(SECRETS, { metadata, type, data }, never);
    const secrets = { imagePullSecrets: [{ name: 'pull' }] };
    const isOver = ({ status }: Pod): boolean => status?.phase === 'Succeeded';

    await script('may', 'echo -n "$IS" > /dev/termination-log', { image }, secrets);
    const may = await e2e.waitForPod('may', 'to end', isOver);
    expect(ended(may)).toBe('private');
    expect(may.status?.containerStatuses?.[0]).toMatchObject({
      imageID: expect.stringMatching(/^127\.0\.0\.1:\d+\/private@sha256:[0-9a-f]{64}$/),
      containerID: expect.stringMatching(/^containerd:\/\/[0-9a-f]{64}$/),
    });
    await script('may-not', 'true', { image });
    await e2e.waitForPod('may-not', 'to be refused', (pod) => {
      return ['ErrImagePull', 'ImagePullBackOff'].includes(waitingFor(pod) ?? '');
    });

    // Permissions are stored on disk: a restarted kubelet has them too, without the registry.
    await e2e.cluster.kubelet.kill9();
    await e2e.cluster.kubelet.start();
    await registry.stop();
    registry = undefined;
    await script('may-still', 'true', { image }, secrets);
    await e2e.waitForPod('may-still', 'to end', isOver);
    await script('may-not-still', 'true', { image });
    await e2e.waitForPod('may-not-still', 'to be refused', (pod) => {
      return ['ErrImagePull', 'ImagePullBackOff'].includes(waitingFor(pod) ?? '');
    });
  });

  it('leaves nothing mounted, and no secret in memory, when it ends', async () => {
    const volumes = [
      { name: 'memory', emptyDir: { medium: 'Memory' } },
      { name: 'late', secret: { secretName: 'late' } },
    ];
    const volumeMounts = [
      { name: 'memory', mountPath: '/part', subPath: 'a' },
      { name: 'late', mountPath: '/late' },
    ];
    const pod = await script('mounts', 'sleep 600', { volumeMounts }, { volumes });
    await e2e.waitForPod('mounts', 'to run', ({ status }) => status?.phase === 'Running');
    const uid = pod.metadata?.uid ?? '';
    const mounts = async (): Promise<number> =>
      (await e2e.cluster.space.run(['cat', '/proc/self/mountinfo'])).split(`/pods/${uid}/`).length -
      1;
    expect(await mounts()).toBeGreaterThanOrEqual(2);
    const root = join(e2e.cluster.space.dir, 'kubelet/root');
    const secret = join(root, 'pods', uid, 'volumes/kubernetes.io~secret/late');
    const files = await realpath(join(secret, '..data'));
    const inMemory = dirname(dirname(dirname(files)));
    expect((await readdir(inMemory)).sort()).toEqual([
      'kubernetes.io~projected',
      'kubernetes.io~secret',
    ]);
    const name = { namespace: e2e.namespace, name: 'mounts' };
    await e2e.client.delete(PODS, name, {}, never);
    await waitFor(async () => (await mounts()) === 0, { what: 'the mounts to be gone' });
    await waitFor(async () => !(await readdir(dirname(inMemory))).includes(uid), {
      what: 'its secrets to be gone from memory',
    });
  });
});
