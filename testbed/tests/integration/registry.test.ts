import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  buildTestImage,
  type Containerd,
  startContainerd,
  startRegistry,
} from '../../src/index.ts';

describe(startRegistry, () => {
  let containerd: Containerd;
  beforeAll(async () => {
    containerd = await startContainerd();
  });
  afterAll(() => containerd.stop());

  it('serves a pushed image only with the password', async () => {
    const { space, endpoint } = containerd;
    const login = { username: 'user', password: 'secret' };
    const registry = await startRegistry({ space, login });
    const name = await registry.push(await buildTestImage('busybox'));
    expect(name).toBe('127.0.0.1:5000/busybox:1');

    const socket = endpoint.replace('unix://', '');
    const pull = ['ctr', '-a', socket, '-n', 'k8s.io', 'images', 'pull', '--plain-http'];
    const denied = await space.try([...pull, name]);
    expect(denied.exitCode).not.toBe(0);
    const allowed = await space.try([...pull, '--user', 'user:secret', name]);
    expect(allowed).toMatchObject({ exitCode: 0 });
    await registry.stop();
  });
});
