import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { constants, createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createServiceClient, openChannel } from '../../src/client.js';
import {
  type GrpcFailure,
  type HandlersOf,
  int32,
  message,
  type ServiceOf,
  stream,
  string,
  unary,
} from '../../src/index.js';
import { type RunningServer, service, startServer } from '../../src/server.js';
import { loopback } from '../../src/testing/index.js';

const Ask = message({ text: string(1), times: int32(2) });
const Answer = message({ text: string(1) });
const ECHO = {
  say: unary('test.v1.Echo/Say', Ask, Answer),
  repeat: stream('test.v1.Echo/Repeat', Ask, Answer),
} as const;

class Refusal extends Error {
  readonly failure: GrpcFailure;

  constructor(failure: GrpcFailure) {
    super(failure.detail);
    this.failure = failure;
  }
}

const seen: { cancelled: number } = { cancelled: 0 };

const handlers: HandlersOf<typeof ECHO> = {
  say: async ({ text }, signal) => {
    if (text === 'refuse') throw new Refusal({ status: 'NOT_FOUND', detail: 'no such text' });
    if (text === 'hang') {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      seen.cancelled += 1;
    }
    return { text: `${text}!` };
  },
  repeat: async function* ({ text, times }, signal) {
    for (let i = 0; i < times; i += 1) {
      if (text === 'break' && i === 2) {
        throw new Refusal({ status: 'ABORTED', detail: 'broke' });
      }
      signal.throwIfAborted();
      yield { text: `${text} ${i} ${'x'.repeat(1000)}` };
    }
  },
};

let dir: string;
let server: RunningServer;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'unix-grpc-'));
  server = await start(join(dir, 'echo.sock'));
  seen.cancelled = 0;
});
afterEach(async () => {
  await server.close(100);
  await rm(dir, { recursive: true });
});

function start(socketPath: string): Promise<RunningServer> {
  return startServer({
    socketPath,
    services: [service(ECHO, handlers)],
    toFailure: (error) =>
      error instanceof Refusal ? error.failure : { status: 'UNKNOWN', detail: String(error) },
  });
}

function open(socketPath: string): {
  readonly echo: ServiceOf<typeof ECHO>;
  readonly close: () => void;
} {
  const channel = openChannel(socketPath, {
    toError: (failure, method) =>
      new Refusal({ ...failure, detail: `${method}: ${failure.detail}` }),
  });
  return { echo: createServiceClient(channel, ECHO, 5000), close: () => channel.close() };
}

const forever = new AbortController().signal;

describe.each([
  ['over a socket', () => open(join(dir, 'echo.sock'))],
  ['in memory', () => ({ echo: loopback(ECHO, handlers), close: () => undefined })],
])('a service %s', (_, connect) => {
  it('answers', async () => {
    const { echo, close } = connect();
    expect(await echo.say({ text: 'hello' }, forever)).toEqual({ text: 'hello!' });
    close();
  });

  it('fails with what its handler threw', async () => {
    const { echo, close } = connect();
    await expect(echo.say({ text: 'refuse' }, forever)).rejects.toMatchObject({
      failure: { status: 'NOT_FOUND', detail: expect.stringContaining('no such text') as string },
    });
    close();
  });

  it('streams more than its buffers hold', async () => {
    const { echo, close } = connect();
    let count = 0;
    for await (const { text } of echo.repeat({ text: 'a', times: 5000 }, forever)) {
      expect(text.startsWith(`a ${count} `)).toBe(true);
      count += 1;
    }
    expect(count).toBe(5000);
    close();
  });

  it('ends a stream with what its handler threw', async () => {
    const { echo, close } = connect();
    const got: string[] = [];
    const read = async (): Promise<void> => {
      for await (const { text } of echo.repeat({ text: 'break', times: 5 }, forever))
        got.push(text.slice(0, 7));
    };
    await expect(read()).rejects.toMatchObject({ failure: { status: 'ABORTED' } });
    expect(got).toEqual(['break 0', 'break 1']);
    close();
  });

  it('rejects with the reason of a signal that fired before', async () => {
    const { echo, close } = connect();
    await expect(echo.say({ text: 'a' }, AbortSignal.abort('enough'))).rejects.toBe('enough');
    close();
  });
});

describe('a client', () => {
  it('cancels the call on the server when its signal fires', async () => {
    const { echo, close } = open(join(dir, 'echo.sock'));
    const stop = new AbortController();
    const call = echo.say({ text: 'hang' }, stop.signal);
    setTimeout(() => stop.abort('enough'), 50);
    await expect(call).rejects.toBe('enough');
    await expect.poll(() => seen.cancelled).toBe(1);
    close();
  });

  it('fails while nobody listens and works when somebody does', async () => {
    const path = join(dir, 'later.sock');
    const { echo, close } = open(path);
    await expect(echo.say({ text: 'a' }, forever)).rejects.toMatchObject({
      failure: { status: 'UNAVAILABLE' },
    });
    const later = await start(path);
    await expect
      .poll(async () => (await echo.say({ text: 'a' }, forever).catch(() => undefined))?.text)
      .toBe('a!');
    close();
    await later.close(100);
  });

  it('leaves a connection whose server refuses everything after a long answer', async () => {
    const path = join(dir, 'long.sock');
    const sessions = new Set<ServerHttp2Session>();
    const long = createHttp2Server();
    long.on('session', (session) => sessions.add(session.on('error', () => undefined)));
    long.on('stream', (call) => {
      call.on('error', () => undefined);
      if (call.session !== [...sessions][0]) return call.close(constants.NGHTTP2_REFUSED_STREAM);
      call.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    });
    await new Promise<void>((listens) => long.listen(path, listens));
    const { echo, close } = open(path);
    const status = (): Promise<unknown> =>
      echo.say({ text: 'a' }, forever).catch((error: unknown) => (error as Refusal).failure.status);
    expect(await status()).toBe('RESOURCE_EXHAUSTED');
    expect(await status()).toBe('UNAVAILABLE');
    expect(sessions.size).toBe(2);
    close();
    for (const session of sessions) session.destroy();
    await new Promise((closed) => long.close(closed));
  });

  it('fails after it was closed', async () => {
    const { echo, close } = open(join(dir, 'echo.sock'));
    close();
    await expect(echo.say({ text: 'a' }, forever)).rejects.toMatchObject({
      failure: { status: 'UNAVAILABLE' },
    });
  });

  it('reports a method that the server does not have', async () => {
    const channel = openChannel(join(dir, 'echo.sock'), {
      toError: (failure) => new Refusal(failure),
    });
    const absent = { other: unary('test.v1.Echo/Other', Ask, Answer) } as const;
    const { other } = createServiceClient(channel, absent, 5000);
    await expect(other({}, forever)).rejects.toMatchObject({
      failure: { status: 'UNIMPLEMENTED' },
    });
    channel.close();
  });
});

describe('the path of a server', () => {
  it('is taken over from a server that was killed', async () => {
    const path = join(dir, 'stale.sock');
    await leaveStaleSocket(path);
    const next = await start(path);
    const { echo, close } = open(path);
    expect(await echo.say({ text: 'a' }, forever)).toEqual({ text: 'a!' });
    close();
    await next.close(100);
  });

  it('is left to a server that answers', async () => {
    await expect(start(join(dir, 'echo.sock'))).rejects.toThrow('another server listens');
  });

  it('is never a file that is no socket', async () => {
    const path = join(dir, 'precious');
    await writeFile(path, 'data');
    await expect(start(path)).rejects.toThrow('is not a socket');
  });
});

/** As a killed server leaves it: nobody listens, and the file is there. */
async function leaveStaleSocket(path: string): Promise<void> {
  const { link, unlink } = await import('node:fs/promises');
  const first = createServer();
  await new Promise<void>((resolve) => first.listen(`${path}.first`, resolve));
  await link(`${path}.first`, path);
  await new Promise((resolve) => first.close(resolve));
  await unlink(`${path}.first`).catch(() => undefined); // close removes it on its own
}
