import { createSystemClock } from '@nodeagent/base/system';
import { type Containerd, ifStarted, startContainerd } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { createCriClient, type CriClient } from '../../src/adapters/grpc.js';
import { probeRuntime } from '../../src/index.js';

const { signal } = new AbortController();
let containerd: Containerd;
let client: CriClient;

beforeAll(async () => {
  containerd = await startContainerd({ name: 'cri-life', images: ['busybox'] });
  client = createCriClient({ endpoint: containerd.endpoint });
});

afterAll(async () => {
  ifStarted(client)?.close();
  await ifStarted(containerd)?.stop();
});

it("detects containerd's optional calls", async () => {
  const support = await probeRuntime(client.runtime, createSystemClock(), signal);
  expect(support.version).toMatchObject({ runtimeName: 'containerd', runtimeApiVersion: 'v1' });
  // CRI 1.36's streaming lists are newer than any containerd release
  expect(support).toMatchObject({ streamingLists: false });
  const [major = 0, minor = 0] = support.version.runtimeVersion.split('.').map(Number.parseFloat);
  expect(support.containerEvents).toBe(major > 1 || minor >= 7);
  expect(support.runtimeConfig).toBe(major > 1);
});

it('sees containerd die during a call and come back, with its containers', async () => {
  const sandboxConfig = {
    metadata: { name: 'survivor', uid: 'u', namespace: 'test', attempt: 0 },
    logDirectory: `${containerd.space.dir}/logs`,
  };
  const pod = await client.runtime.runPodSandbox({ config: sandboxConfig }, signal);
  const config = {
    metadata: { name: 'app', attempt: 0 },
    image: { image: 'nodeagent.test/busybox:1' },
    command: ['sleep', '600'],
  };
  const id = await client.runtime.createContainer(
    { sandboxId: pod, config, sandboxConfig },
    signal,
  );
  await client.runtime.startContainer(id, signal);
  const before = await client.runtime.containerStatus(id, signal);
  const hanging = client.runtime.execSync({ containerId: id, command: ['sleep', '60'] }, signal);
  const died = expect(hanging).rejects.toMatchObject({ code: 'CRI_UNAVAILABLE' });
  await client.runtime.version(signal);
  await containerd.kill9();
  await died;
  await expect(client.runtime.version(signal)).rejects.toMatchObject({ code: 'CRI_UNAVAILABLE' });
  await containerd.restart();
  await expect
    .poll(() => client.runtime.containerStatus(id, signal).catch(() => undefined))
    .toEqual(before);
});
