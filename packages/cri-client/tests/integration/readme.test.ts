import { join } from 'node:path';

import { startContainerd } from '@nodeagent/testbed';
import { expect, it, onTestFinished, vi } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';
import { createCriClient } from '../../src/adapters/grpc.js';

it('the README example prints the same on containerd', async () => {
  const containerd = await startContainerd({ name: 'cri-readme', images: ['busybox'] });
  onTestFinished(() => containerd.stop());
  vi.stubEnv('CRI_ENDPOINT', containerd.endpoint);
  vi.stubEnv('IMAGE', 'nodeagent.test/busybox:1');
  const printed = await runReadmeExample(join(import.meta.dirname, '../..'));
  expect(printed).toBe('the container is running\nhello from the container\ngone\n');
});

it('the README examples of logs and sessions reach a container that runs', async () => {
  const { signal } = new AbortController();
  const containerd = await startContainerd({ name: 'cri-readme', images: ['busybox'] });
  onTestFinished(() => containerd.stop());
  const { runtime, close } = createCriClient({ endpoint: containerd.endpoint });
  onTestFinished(close);
  const sandboxConfig = {
    metadata: { name: 'readme', uid: 'u-readme', namespace: 'test', attempt: 0 },
    logDirectory: join(containerd.space.dir, 'logs'),
  };
  const sandboxId = await runtime.runPodSandbox({ config: sandboxConfig }, signal);
  const run = async (name: string, command: string[]) => {
    const image = { image: 'nodeagent.test/busybox:1' };
    const metadata = { name, attempt: 0 };
    const config = { metadata, image, command, logPath: `${name}.log` };
    const id = await runtime.createContainer({ sandboxId, config, sandboxConfig }, signal);
    await runtime.startContainer(id, signal);
    return id;
  };
  const root = join(import.meta.dirname, '../..');
  vi.stubEnv('CONTAINER_RUNTIME_ENDPOINT', containerd.endpoint);
  vi.stubEnv('CONTAINER', await run('writer', ['sh', '-c', 'seq 12']));
  expect(await runReadmeExample(root, 1)).toBe('3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n');
  const serve = ['sh', '-c', 'echo up > /tmp/index.html; exec httpd -f -p 8080 -h /tmp'];
  vi.stubEnv('CONTAINER', await run('server', serve));
  vi.stubEnv('POD', sandboxId);
  expect(await runReadmeExample(root, 2)).toBe('hello world\nexit code 0\nHTTP/1.1 200 OK\n');
});
