import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, it } from 'vitest';

import { runtime } from '../../src/adapters/generated/runtime-v1.js';
import { createCriClient, type CriClient } from '../../src/adapters/grpc.js';
import { readLogFrom } from '../../src/run/read-log.js';
import { FakeRuntimeServer } from '../support/fake-runtime-server.js';
import { MemoryLogFiles } from '../support/memory-log-files.js';

const { signal } = new AbortController();
const { v1 } = runtime;

const containers = Array.from({ length: 100 }, (_, i) => ({
  id: i.toString(16).padStart(64, 'c'),
  podSandboxId: i.toString(16).padStart(64, 'a'),
  metadata: { name: `container-${i}` },
  image: { image: 'registry.example/app:1' },
  imageRef: `sha256:${'e'.repeat(64)}`,
  state: 1,
  createdAt: 1_763_713_412_000_000_000,
  labels: { 'io.kubernetes.pod.name': `pod-${i}`, 'io.kubernetes.pod.namespace': 'default' },
  annotations: { 'io.kubernetes.container.hash': '11a6d6d6' },
}));

let server: FakeRuntimeServer;
let client: CriClient;
let bare: Client;

beforeAll(async () => {
  server = await FakeRuntimeServer.start({
    Version: (_call, reply) =>
      reply(null, {
        version: '0.1.0',
        runtimeName: 'x',
        runtimeVersion: '1',
        runtimeApiVersion: 'v1',
      }),
    ListContainers: (_call, reply) => reply(null, { containers }),
  });
  client = createCriClient({ endpoint: server.endpoint });
  bare = new Client(server.endpoint, credentials.createInsecure());
});

afterAll(async () => {
  client.close();
  bare.close();
  await server.stop();
});

/** Measures the gRPC library alone: no deadline, no signal, bytes in and bytes out. */
function bareCall(method: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    bare.makeUnaryRequest(
      `/runtime.v1.RuntimeService/${method}`,
      () => Buffer.alloc(0),
      (bytes) => bytes,
      {},
      (error, reply) =>
        reply === undefined ? reject(error ?? new Error('no reply')) : resolve(reply),
    );
  });
}

const DEFAULTS = { time: 1000, warmupTime: 300 };

it('a small call', async ({ bench }) => {
  await bench.compare(
    bench('the gRPC library alone', async () => {
      await bareCall('Version');
    }),
    bench('through the client', async () => {
      await client.runtime.version(signal);
    }),
    DEFAULTS,
  );
});

it('a list of 100 containers', async ({ bench }) => {
  await bench.compare(
    bench('the gRPC library alone, bytes only', async () => {
      await bareCall('ListContainers');
    }),
    bench('with the generated decoder', async () => {
      v1.ListContainersResponse.decode(await bareCall('ListContainers'));
    }),
    bench('through the client', async () => {
      await client.runtime.listContainers({}, signal);
    }),
    DEFAULTS,
  );
});

it('a log of 100,000 lines', async ({ bench }) => {
  const files = new MemoryLogFiles();
  const line = `2026-01-01T00:00:00.000000001Z stdout F ${'x'.repeat(80)}\n`;
  files.append('/log', line.repeat(100_000));
  await bench('read and cut into records', async () => {
    for await (const { data } of readLogFrom(files, { path: '/log', options: {} }, signal)) {
      if (data.length !== 81) throw new Error(`not a line: ${data.length} bytes`);
    }
  }).run(DEFAULTS);
});

it('memory of what is built', () => {
  const rssMib = (entry: string | undefined): number => {
    const file = join(import.meta.dirname, `../../dist/${entry}.js`);
    const load = `await import(${JSON.stringify(entry === undefined ? 'data:text/javascript,' : file)});`;
    const script = `${load} gc(); console.log(process.memoryUsage().rss / 1048576)`;
    const args = ['--expose-gc', '--input-type=module', '-e', script];
    return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
  };
  const nothing = rssMib(undefined);
  for (const entry of ['index', 'adapters/grpc', 'logs', 'adapters/streaming']) {
    console.log(`importing ${entry}: +${(rssMib(entry) - nothing).toFixed(1)} MiB of RSS`);
  }
});
