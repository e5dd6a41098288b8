import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { createCriClient, type CriClient } from '@nodeagent/cri-client/grpc';
import type { Pod, Secret } from '@nodeagent/kube-client';
import {
  buildTestImage,
  type Containerd,
  ifStarted,
  startContainerd,
  startRegistry,
} from '@nodeagent/testbed';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

import { readCredentialProviders } from '../../src/credentials/adapters/provider-files.js';
import { createProviderPrograms } from '../../src/credentials/adapters/provider-program.js';
import {
  createCredentialProviders,
  createPullCredentials,
} from '../../src/credentials/run/index.js';
import { createPullRecordFiles } from '../../src/images/adapters/pull-record-files.js';
import { Images } from '../../src/images/run/images.js';

const { signal } = new AbortController();
const login = { username: 'me', password: 'of-the-registry' };
const clock = createSystemClock();
let containerd: Containerd;
let cri: CriClient;
let image: string;
let host: string;
let dir: string;
let serial = 0;

beforeAll(async () => {
  containerd = await startContainerd({ name: 'image-credentials' });
  const registry = await startRegistry({ space: containerd.space, login });
  image = await registry.push(await buildTestImage('busybox'));
  host = registry.host;
  cri = createCriClient({ endpoint: containerd.endpoint });
});

afterAll(async () => {
  ifStarted(cri)?.close();
  await ifStarted(containerd)?.stop();
});

beforeEach(async () => {
  dir = join(containerd.space.dir, `kubelet-${(serial += 1)}`);
  await mkdir(join(dir, 'bin'), { recursive: true });
  await cri.images.removeImage({ image }, signal);
});

/** A plug-in that records its requests, and answers for its token or for everybody. */
const PROGRAM = `#!/bin/sh
request=$(cat)
echo "$REALM $1 $request" >> "$0.log"
case "$request" in
  *serviceAccountToken*for-me*|*'"image":"'*'busybox"}') password=$PASSWORD ;;
  *) password=wrong ;;
esac
cat <<END
{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1",
 "cacheKeyType":"Registry","cacheDuration":"1h",
 "auth":{"$REALM":{"username":"me","password":"$password"}}}
END
`;

async function start(tokenAttributes?: object, secret?: Secret) {
  await writeFile(join(dir, 'bin/login'), PROGRAM, { mode: 0o755 });
  const provider = {
    ...{ name: 'login', matchImages: [host], defaultCacheDuration: '0s', args: ['get'] },
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    env: [
      { name: 'REALM', value: host },
      { name: 'PASSWORD', value: login.password },
    ],
    ...(tokenAttributes && { tokenAttributes }),
  };
  const config = join(dir, 'providers.yaml');
  const kind = { apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig' };
  await writeFile(config, JSON.stringify({ ...kind, providers: [provider] }));
  const { providers } = await readCredentialProviders(config, join(dir, 'bin'), { tokens: true });
  const log = new MemoryLogger();
  const events: string[] = [];
  const note = (_: Pod, reason: string, text: string) => void events.push(`${reason}: ${text}`);
  const provided = createCredentialProviders(
    {
      ...{ providers, clock, log, metrics: new MemoryMetrics(), events: { warning: note } },
      call: createProviderPrograms(join(dir, 'bin')),
      client: {
        get: (_: unknown, { name }: { name: string }) =>
          Promise.resolve({ metadata: { uid: `uid-of-${name}` } }),
      } as never,
      tokens: { token: async (pod: Pod) => `for-${pod.spec?.serviceAccountName}` },
    },
    signal,
  );
  const images = new Images(
    {
      ...{ images: cri.images, clock, log },
      credentials: createPullCredentials({
        objects: { secret: () => Promise.resolve(secret) },
        nodeEntries: async () => [],
        provided,
      }),
      events: { normal: note, warning: note },
      records: createPullRecordFiles(dir),
    },
    {
      ...{ concurrency: 1, qps: 0, burst: 0 },
      verification: { policy: 'NeverVerifyPreloadedImages', allowlist: [] },
    },
  );
  const ensure = (serviceAccountName: string, policy: string) => {
    const uid = `pod-${(serial += 1)}`;
    const spec = { containers: [], serviceAccountName, ...(secret && pulling) };
    const pod = { metadata: { namespace: 'team', name: uid, uid }, spec };
    const sandbox = { metadata: { name: uid, uid, namespace: 'team', attempt: 0 } } as never;
    return images.ensure({ pod, image, policy, sandbox }, signal);
  };
  const asked = async () => (await readFile(join(dir, 'bin/login.log'), 'utf8')).split('\n');
  return { ensure, events, log, asked };
}

const pulling = { imagePullSecrets: [{ name: 'old' }] };

it('pulls with credentials of a plug-in, which runs once', async () => {
  const { ensure, asked, log } = await start();
  const pulled = await ensure('', 'Always');
  expect(await cri.images.imageStatus({ image }, signal)).toMatchObject({ id: pulled.ref });
  await ensure('', 'Always');
  const repository = image.replace(/:[^/]*$/, '');
  expect(await asked()).toEqual([
    `${host} get {"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":"${repository}"}`,
    '',
  ]);
  expect(log.lines).toEqual([]);
});

it("uses a plug-in after the pod's secret is refused", async () => {
  const auths = { [host]: { username: 'me', password: 'outdated' } };
  const data = { '.dockerconfigjson': btoa(JSON.stringify({ auths })) };
  const { ensure } = await start(undefined, { type: 'kubernetes.io/dockerconfigjson', data });
  await expect(ensure('', 'Always')).resolves.toMatchObject({ ref: expect.any(String) });
});

it("refuses one pod's image to pods of another service account", async () => {
  const { ensure, events } = await start({
    ...{ serviceAccountTokenAudience: 'registry', cacheType: 'ServiceAccount' },
    requireServiceAccount: true,
  });
  await expect(ensure('you', 'IfNotPresent')).rejects.toMatchObject({ reason: 'ErrImagePull' });
  await ensure('me', 'IfNotPresent');
  await expect(ensure('you', 'IfNotPresent')).rejects.toMatchObject({ reason: 'ErrImagePull' });
  events.length = 0;
  await ensure('me', 'IfNotPresent');
  expect(events).toEqual([
    `Pulled: Container image "${image}" already present on machine and can be accessed by the pod`,
  ]);
});

it('reports a refusal of the registry without the credentials', async () => {
  const { ensure, events } = await start({
    ...{ serviceAccountTokenAudience: 'registry', cacheType: 'ServiceAccount' },
    requireServiceAccount: false,
  });
  await expect(ensure('you', 'Always')).rejects.toMatchObject({ reason: 'ErrImagePull' });
  expect(events.join('\n')).toContain(`Failed: Failed to pull image "${image}"`);
  expect(events.join('\n')).not.toMatch(/wrong|for-you/);
});
