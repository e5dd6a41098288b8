import { describe, expect, it } from 'vitest';

import { createTcpProber } from '../../src/adapters/tcp-prober.js';
import { closedPort, listen } from '../loopback.js';
import { PATIENT_MS } from '../patience.js';
import { proberContract } from './prober-contract.js';

const probe = createTcpProber();
const { signal } = new AbortController();

describe(createTcpProber, () => {
  proberContract(async () => {
    const server = await listen(() => undefined);
    const to = (hostname: string, port: number) => (aborting: AbortSignal) =>
      probe({ hostname, port, timeoutMs: PATIENT_MS }, aborting);
    return {
      good: to('127.0.0.1', server.port),
      bad: to('127.0.0.1', await closedPort()),
      silent: to('192.0.2.1', 9), // TEST-NET-1: unreachable
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  });

  it('names the address and the reason', async () => {
    const port = await closedPort();
    const outcome = await probe({ hostname: '127.0.0.1', port, timeoutMs: PATIENT_MS }, signal);
    expect(outcome.detail).toBe(`dial tcp 127.0.0.1:${port}: connect: connection refused`);
  });

  it('reports an unknown name', async () => {
    const outcome = await probe({ hostname: 'nobody.invalid', port: 80, timeoutMs: 5000 }, signal);
    expect(outcome.result).toBe('failure');
    expect(outcome.detail).toMatch(/^dial tcp: lookup nobody\.invalid: /);
  });

  it('speaks IPv6', async () => {
    await using server = await listen(() => undefined, '::1');
    const outcome = await probe(
      { hostname: '::1', port: server.port, timeoutMs: PATIENT_MS },
      signal,
    );
    expect(outcome).toEqual({ result: 'success', detail: '' });
  });

  it('closes in order and sends nothing', async () => {
    const ended = Promise.withResolvers<string>();
    await using server = await listen((socket) => {
      socket.on('end', () => ended.resolve('end'));
      socket.on('error', (error) => ended.resolve(error.message));
    });
    await probe({ hostname: '127.0.0.1', port: server.port, timeoutMs: PATIENT_MS }, signal);
    expect(await ended.promise).toBe('end');
    expect(server.received).toEqual(['']);
  });
});
