import {
  buildTestImage,
  type Containerd,
  ifStarted,
  startContainerd,
  startRegistry,
} from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { createCriClient, type CriClient } from '../../src/adapters/grpc.js';

const { signal } = new AbortController();
const login = { username: 'me', password: 'secret' };
let containerd: Containerd;
let client: CriClient;
let name: string;
let host: string;

beforeAll(async () => {
  containerd = await startContainerd({ name: 'cri-pull' });
  const registry = await startRegistry({ space: containerd.space, login });
  name = await registry.push(await buildTestImage('busybox'));
  host = registry.host;
  client = createCriClient({ endpoint: containerd.endpoint });
});

afterAll(async () => {
  ifStarted(client)?.close();
  await ifStarted(containerd)?.stop();
});

it('pulls from a private registry only with credentials', async () => {
  const image = { image: name };
  const pull = (auth?: typeof login) => client.images.pullImage({ image, auth }, signal);
  await expect(pull()).rejects.toMatchObject({
    name: 'CriError',
    method: 'ImageService/PullImage',
  });
  await expect(pull({ ...login, password: 'wrong' })).rejects.toThrow(name);
  const reference = await pull(login);
  const pulled = await client.images.imageStatus({ image: reference }, signal);
  expect(pulled).toMatchObject({ repoTags: [name] });
  expect(await client.images.imageStatus(image, signal)).toEqual(pulled);
  await client.images.removeImage(image, signal);
  expect(await client.images.imageStatus(image, signal)).toBeUndefined();
});

it('reports a missing image', async () => {
  const absent = client.images.pullImage(
    { image: { image: `${host}/none:1` }, auth: login },
    signal,
  );
  await expect(absent).rejects.toMatchObject({ code: 'CRI_NOT_FOUND' });
});

it('gives up a pull on an abort', async () => {
  const stop = new AbortController();
  const pulling = client.images.pullImage({ image: { image: name }, auth: login }, stop.signal);
  stop.abort(new Error('enough'));
  await expect(pulling).rejects.toThrow('enough');
});
