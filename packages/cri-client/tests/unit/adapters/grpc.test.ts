import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';

import { createCriClient, type CriClient } from '../../../src/adapters/grpc.js';
import { containerId, sandboxId } from '../../../src/index.js';
import { FakeRuntimeServer } from '../../support/fake-runtime-server.js';

const { signal } = new AbortController();
const ID = containerId('c1');
const newerThanUs: number = 77;
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setUp(
  handlers: Parameters<typeof FakeRuntimeServer.start>[0],
  requestTimeoutMs?: number,
): Promise<{ server: FakeRuntimeServer; client: CriClient; runtime: CriClient['runtime'] }> {
  const server = await FakeRuntimeServer.start(handlers);
  const client = createCriClient({ endpoint: server.endpoint, requestTimeoutMs });
  cleanups.push(
    () => server.stop(),
    () => client.close(),
  );
  return { server, client, runtime: client.runtime };
}

const version = {
  version: '0.1.0',
  runtimeName: 'fake',
  runtimeVersion: '1',
  runtimeApiVersion: 'v1',
};

describe('errors', () => {
  it.each([
    [status.NOT_FOUND, 'CRI_NOT_FOUND'],
    [status.ALREADY_EXISTS, 'CRI_ALREADY_EXISTS'],
    [status.INVALID_ARGUMENT, 'CRI_INVALID_ARGUMENT'],
    [status.FAILED_PRECONDITION, 'CRI_FAILED_PRECONDITION'],
    [status.UNAUTHENTICATED, 'CRI_PERMISSION_DENIED'],
    [status.UNKNOWN, 'CRI_UNKNOWN'],
    [status.DATA_LOSS, 'CRI_INTERNAL'],
  ])('status %i is %s and keeps its text', async (code, want) => {
    const { runtime } = await setUp({
      ContainerStatus: (_call, reply) => reply({ code, details: 'the very text: %s' }),
    });
    await expect(runtime.containerStatus(ID, signal)).rejects.toMatchObject({
      name: 'CriError',
      code: want,
      detail: 'the very text: %s',
      message: 'RuntimeService/ContainerStatus: the very text: %s',
    });
  });

  it('a call the runtime does not have', async () => {
    const { runtime } = await setUp({});
    await expect(runtime.status(signal)).rejects.toMatchObject({ code: 'CRI_UNIMPLEMENTED' });
  });

  it('names the socket when there is no runtime', async () => {
    const client = createCriClient({ endpoint: 'unix:///no/such.sock' });
    cleanups.push(() => client.close());
    await expect(client.runtime.version(signal)).rejects.toMatchObject({
      code: 'CRI_UNAVAILABLE',
      message: 'RuntimeService/Version: connect ENOENT /no/such.sock',
    });
  });

  it('replies that lack what callers rely on', async () => {
    const { runtime } = await setUp({
      Version: (_call, reply) => reply(null, { ...version, runtimeName: '' }),
      RunPodSandbox: (_call, reply) => reply(null, {}),
      ContainerStatus: (_call, reply) => reply(null, {}),
      PodSandboxStatus: (_call, reply) => reply(null, { status: { id: 's' } }),
    });
    const metadata = { name: 'n', uid: 'u', namespace: 'ns', attempt: 0 };
    const refused = (missing: string) => ({
      code: 'CRI_BAD_REPLY',
      detail: `the runtime left out ${missing}`,
    });
    await expect(runtime.version(signal)).rejects.toMatchObject(refused('runtime_name'));
    await expect(runtime.containerStatus(ID, signal)).rejects.toMatchObject(refused('status'));
    await expect(runtime.runPodSandbox({ config: { metadata } }, signal)).rejects.toMatchObject(
      refused('pod_sandbox_id'),
    );
    await expect(runtime.podSandboxStatus(sandboxId('s'), signal)).rejects.toMatchObject(
      refused('metadata.name'),
    );
  });
});

describe('limits', () => {
  it('passes messages of nearly 16 MiB and refuses larger ones', async () => {
    let size = 15 * 1024 * 1024;
    const { runtime } = await setUp({
      ExecSync: (_call, reply) => reply(null, { stdout: Buffer.alloc(size, 1), exitCode: 3 }),
    });
    const run = () => runtime.execSync({ containerId: ID, command: ['x'] }, signal);
    const { stdout, exitCode } = await run();
    expect([stdout.length, exitCode]).toEqual([size, 3]);
    size = 17 * 1024 * 1024;
    await expect(run()).rejects.toMatchObject({ code: 'CRI_RESOURCE_EXHAUSTED' });
  });

  it('fails a call after its deadline', async () => {
    const { runtime } = await setUp({ Version: () => undefined }, 50);
    await expect(runtime.version(signal)).rejects.toMatchObject({ code: 'CRI_DEADLINE' });
  });

  it('gives slow calls a longer deadline', async () => {
    const deadlines = new Map<string, number>();
    const left = (name: string, deadline: number | Date) =>
      deadlines.set(name, Math.round((Number(deadline) - Date.now()) / 10_000) * 10);
    const { runtime } = await setUp({
      RunPodSandbox: (call, reply) => {
        left('run', call.getDeadline());
        reply(null, { podSandboxId: 's' });
      },
      StopContainer: (call, reply) => {
        left('stop', call.getDeadline());
        expect(Number(call.request.timeout)).toBe(31);
        reply(null, {});
      },
      ExecSync: (call, reply) => {
        left(`exec ${call.request.cmd?.[0]}`, call.getDeadline());
        reply(null, {});
      },
    });
    const metadata = { name: 'n', uid: 'u', namespace: 'ns', attempt: 0 };
    await runtime.runPodSandbox({ config: { metadata } }, signal);
    await runtime.stopContainer(ID, 30_001, signal);
    await runtime.execSync({ containerId: ID, command: ['limited'], timeoutMs: 60_000 }, signal);
    await runtime.execSync({ containerId: ID, command: ['free'] }, signal);
    expect(Object.fromEntries(deadlines)).toEqual({
      run: 240,
      stop: 150,
      'exec limited': 180,
      'exec free': Infinity,
    });
  });
});

describe('cancellation', () => {
  it('reaches the runtime and rejects with the reason', async () => {
    const stop = new AbortController();
    let cancelled: () => void = () => undefined;
    const heard = new Promise<void>((resolve) => (cancelled = resolve));
    const { runtime } = await setUp({
      Version: (call) => {
        call.on('cancelled', cancelled);
        stop.abort(new Error('enough'));
      },
    });
    await expect(runtime.version(stop.signal)).rejects.toThrow('enough');
    await heard;
  });

  it('cancels a stream when its reader leaves the loop', async () => {
    let cancelled: () => void = () => undefined;
    const heard = new Promise<void>((resolve) => (cancelled = resolve));
    const { runtime } = await setUp({
      GetContainerEvents: (call) => {
        call.on('cancelled', cancelled);
        call.write({ containerId: 'a', containerEventType: 2, createdAt: 1_500_000 });
        call.write({ containerId: 'b', containerEventType: newerThanUs });
      },
    });
    const seen = [];
    for await (const event of runtime.containerEvents(signal)) {
      seen.push(event);
      if (seen.length === 2) break;
    }
    expect(seen).toMatchObject([
      { id: 'a', type: 'stopped', atMs: 1.5, sandbox: undefined, containers: [] },
      { id: 'b', type: 'unknown' },
    ]);
    await heard;
  });

  it('cancels a silent stream when its signal fires', async () => {
    const stop = new AbortController();
    const { runtime } = await setUp({
      GetContainerEvents: () => stop.abort(new Error('enough')),
    });
    const next = runtime.containerEvents(stop.signal)[Symbol.asyncIterator]().next();
    await expect(next).rejects.toThrow('enough');
  });
});

describe('streams', () => {
  it('end with the list', async () => {
    const { runtime } = await setUp({
      StreamContainers: (call) => {
        expect(call.request.filter?.state?.state).toBe(1);
        for (const id of ['a', 'b']) call.write({ containers: [{ id }, { id: `${id}2` }] });
        call.end();
      },
    });
    const ids = [];
    for await (const batch of runtime.streamContainers({ state: 'running' }, signal)) {
      ids.push(batch.map((container) => container.id));
    }
    expect(ids).toEqual([
      ['a', 'a2'],
      ['b', 'b2'],
    ]);
  });

  it('pause the runtime while nobody reads', async () => {
    let sent = 0;
    const { runtime } = await setUp({
      GetContainerEvents: (call) => {
        const more = (): void => {
          while (!call.cancelled && sent < 100_000) {
            sent += 1;
            if (!call.write({ containerId: 'x'.repeat(1000) })) break;
          }
        };
        call.on('drain', more);
        more();
      },
    });
    const events = runtime.containerEvents(signal)[Symbol.asyncIterator]();
    await events.next();
    for (let turn = 0; turn < 500; turn += 1) await new Promise(setImmediate);
    expect(sent).toBeLessThan(5000);
    await events.return?.();
  });

  it('break with the connection', async () => {
    const { server, runtime } = await setUp({
      GetContainerEvents: (call) => void call.write({ containerId: 'a' }),
    });
    const events = runtime.containerEvents(signal)[Symbol.asyncIterator]();
    await events.next();
    await server.kill();
    await expect(events.next()).rejects.toMatchObject({ code: 'CRI_UNAVAILABLE' });
  });
});

describe('a runtime that goes away', () => {
  it('is unavailable until it returns, then works again', async () => {
    const handlers: Parameters<typeof FakeRuntimeServer.start>[0] = {
      Version: (_call, reply) => reply(null, version),
    };
    const { server, runtime } = await setUp(handlers);
    expect(await runtime.version(signal)).toEqual(version);
    await server.kill();
    await expect(runtime.version(signal)).rejects.toMatchObject({ code: 'CRI_UNAVAILABLE' });
    await server.serve(handlers);
    await expect.poll(() => runtime.version(signal)).toEqual(version);
  });
});

describe('images', () => {
  it("are pulled without a deadline, with the registry's credentials", async () => {
    const { client } = await setUp({
      PullImage: (call, reply) => {
        expect(call.getDeadline()).toBe(Infinity);
        expect(call.request).toMatchObject({ image: { image: 'i' }, auth: { username: 'me' } });
        reply(null, { imageRef: 'sha256:1' });
      },
    });
    const request = { image: { image: 'i' }, auth: { username: 'me' } };
    expect(await client.images.pullImage(request, signal)).toBe('sha256:1');
  });

  it('with incomplete descriptions are refused; absent images are not an error', async () => {
    let image: { id: string } | null = null;
    const { client } = await setUp({
      ImageStatus: (_call, reply) => reply(null, { image }),
      PullImage: (_call, reply) => reply(null, {}),
    });
    expect(await client.images.imageStatus({ image: 'i' }, signal)).toBeUndefined();
    image = { id: 'sha256:1' };
    await expect(client.images.imageStatus({ image: 'i' }, signal)).rejects.toThrow('image.size');
    await expect(client.images.pullImage({ image: { image: 'i' } }, signal)).rejects.toThrow(
      'image_ref',
    );
  });

  it('may be served on another socket', async () => {
    const { server: runtimeServer } = await setUp({});
    const { server } = await setUp({ ImageStatus: (_call, reply) => reply(null, {}) });
    const client = createCriClient({
      endpoint: runtimeServer.endpoint,
      imageEndpoint: server.endpoint,
    });
    cleanups.push(() => client.close());
    expect(await client.images.imageStatus({ image: 'i' }, signal)).toBeUndefined();
    await expect(client.runtime.version(signal)).rejects.toMatchObject({
      code: 'CRI_UNIMPLEMENTED',
    });
  });
});

describe('a closed client', () => {
  it('ends current calls and refuses later ones', async () => {
    const { client, runtime } = await setUp({
      Version: () => client.close(),
      GetContainerEvents: (call) => void call.write({ containerId: 'a' }),
    });
    const events = runtime.containerEvents(signal)[Symbol.asyncIterator]();
    await events.next();
    const closed = { code: 'CRI_UNAVAILABLE', detail: 'this client was closed' };
    const next = expect(events.next()).rejects.toMatchObject(closed);
    await expect(runtime.version(signal)).rejects.toMatchObject(closed);
    await next;
    await expect(runtime.version(signal)).rejects.toMatchObject(closed);
  });
});
