import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { createLocalCommands } from '../../src/adapters/local-commands.js';
import { createExecProber } from '../../src/index.js';
import { probeOnce } from '../../src/once.js';
import { answering, closedPort, listen } from '../loopback.js';
import { PATIENT_MS } from '../patience.js';
import { proberContract } from './prober-contract.js';

const timeoutMs = PATIENT_MS;
const { signal } = new AbortController();

describe(probeOnce, () => {
  it('asks an HTTP server by its address and by an action', async () => {
    await using server = await answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const { port } = server;
    const want = { result: 'success', detail: 'ok' };
    expect(await probeOnce(`http://127.0.0.1:${port}/a`, { timeoutMs })).toEqual(want);
    const ports = { web: port };
    expect(await probeOnce({ kind: 'http', port: 'web' }, { ports, timeoutMs })).toEqual(want);
    expect(server.received.map((text) => text.split(' ')[1])).toEqual(['/a', '/']);
  });

  it('connects by TCP, also to a name', async () => {
    await using server = await listen(() => undefined);
    const found = await probeOnce(`tcp://localhost:${server.port}`, { timeoutMs });
    expect(found).toEqual({ result: 'success', detail: '' });
    const refused = await probeOnce({ kind: 'tcp', port: await closedPort() }, { timeoutMs });
    expect(refused).toMatchObject({ result: 'failure', detail: expect.stringMatching(/refused/) });
  });

  it('speaks gRPC', async () => {
    await using server = await answering('HTTP/1.1 400 Bad Request\r\n\r\n');
    const found = await probeOnce(`grpc://127.0.0.1:${server.port}`, { timeoutMs: 200 });
    expect(found).toMatchObject({ result: 'failure', detail: expect.stringMatching(/connect/) });
  });

  it('makes one attempt only, even one that ends in an error', async () => {
    let attempts = 0;
    const http = async () => {
      attempts += 1;
      return { result: 'error', detail: 'broken' } as const;
    };
    const found = await probeOnce('http://h/', { prober: { http } });
    expect([found.detail, attempts]).toEqual(['broken', 1]);
  });

  it('refuses a probe that cannot be carried out, and ends with its signal', async () => {
    const never = probeOnce('http://127.0.0.1/', { timeoutMs: 0 });
    await expect(never).rejects.toMatchObject({ code: 'PROBE_INVALID' });
    const reason = new Error('enough');
    const aborted = probeOnce('tcp://127.0.0.1:1', { signal: AbortSignal.abort(reason) });
    await expect(aborted).rejects.toBe(reason);
  });
});

describe(createLocalCommands, () => {
  const exec = createExecProber(createLocalCommands());
  const run = (command: readonly string[], limitMs: number = PATIENT_MS, until = signal) =>
    exec({ instanceId: '', command, timeoutMs: limitMs }, until);

  proberContract(async () => ({
    good: (until) => run(['true'], timeoutMs, until),
    bad: (until) => run(['sh', '-c', 'echo broken; exit 3'], timeoutMs, until),
    silent: (until) => run(['sleep', '600'], timeoutMs, until),
    [Symbol.asyncDispose]: async () => undefined,
  }));

  it('keeps both streams', async () => {
    const found = await run(['sh', '-c', 'echo out; echo err >&2; exit 1']);
    expect(found.result).toBe('failure');
    expect(found.detail.split('\n').toSorted()).toEqual(['', 'err', 'out']);
  });

  it('makes a failure of a command that takes too long, and does not wait for its children', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nodeagent-probes-'));
    const pidFile = join(folder, 'pid');
    const leaves = `setsid sh -c 'echo $$ > ${pidFile}; exec sleep 600' & sleep 600`;
    const found = await run(['sh', '-c', leaves], 500);
    process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGKILL');
    await rm(folder, { recursive: true });
    expect(found).toMatchObject({ result: 'failure', detail: expect.stringMatching(/timed out/) });
  });

  it('makes a failure of a command that was killed', async () => {
    expect(await run(['sh', '-c', 'kill -9 $$'])).toEqual({ result: 'failure', detail: '' });
  });

  it('makes an error of a command that does not exist', async () => {
    expect(await run(['/nowhere/at/all'])).toMatchObject({
      result: 'error',
      detail: expect.stringMatching(/ENOENT/),
    });
  });
});
