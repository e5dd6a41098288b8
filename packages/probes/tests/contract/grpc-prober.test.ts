import {
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  status,
} from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';

import { createGrpcProber } from '../../src/adapters/grpc-prober.js';
import { closedPort, listen } from '../loopback.js';
import { cutOff, PATIENT_MS } from '../patience.js';
import { proberContract } from './prober-contract.js';

const probe = createGrpcProber();
const { signal } = new AbortController();

type Check = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => void;

interface HealthServer extends AsyncDisposable {
  readonly port: number;
}

/** A server that handles raw bytes and shares no code with the prober. */
async function serve(check?: Check, at = 0): Promise<HealthServer> {
  const server = new Server();
  const bytes = (value: Buffer): Buffer => value;
  if (check !== undefined) {
    const method = {
      path: '/grpc.health.v1.Health/Check',
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    } as const;
    server.addService({ check: method }, { check });
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${at}`, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, [Symbol.asyncDispose]: async () => server.forceShutdown() };
}

const to = (port: number, service = '', timeoutMs = PATIENT_MS) =>
  probe({ address: '127.0.0.1', port, service, timeoutMs }, signal);

const SERVING = Buffer.from([0x08, 0x01]);

describe(createGrpcProber, () => {
  proberContract(async () => {
    const good = await serve((_, done) => done(null, SERVING));
    const bad = await serve((_, done) => done(null, Buffer.from([0x08, 0x02])));
    const silent = await serve(() => undefined);
    const at = (server: HealthServer) => (aborting: AbortSignal) =>
      probe(
        { address: '127.0.0.1', port: server.port, service: '', timeoutMs: PATIENT_MS },
        aborting,
      );
    return {
      good: at(good),
      bad: at(bad),
      silent: at(silent),
      [Symbol.asyncDispose]: async () => {
        for (const server of [good, bad, silent]) await server[Symbol.asyncDispose]();
      },
    };
  });

  it.each([
    ['SERVING', [0x08, 0x01], 'success', ''],
    ['UNKNOWN', [], 'failure', 'service unhealthy (responded with "UNKNOWN")'],
    ['NOT_SERVING', [0x08, 0x02], 'failure', 'service unhealthy (responded with "NOT_SERVING")'],
    ['SERVICE_UNKNOWN', [8, 3], 'failure', 'service unhealthy (responded with "SERVICE_UNKNOWN")'],
    ['other fields before', [0x12, 1, 65, 0x08, 0x01], 'success', ''],
    ['garbage', [0x0a], 'failure', 'service unhealthy (responded with "not a health response")'],
  ] as const)('judges %s', async (_, bytes, result, detail) => {
    await using server = await serve((_call, done) => done(null, Buffer.from(bytes)));
    expect(await to(server.port)).toEqual({ result, detail });
  });

  it('sends the service name and the user agent kube-probe', async () => {
    let asked: string | undefined;
    let agent: string | undefined;
    await using server = await serve((call, done) => {
      asked = call.request.toString('latin1');
      agent = String(call.metadata.get('user-agent')[0]);
      done(null, SERVING);
    });
    await to(server.port, 'liveness');
    expect(asked).toBe('\n\x08liveness');
    expect(agent).toMatch(/^kube-probe\/1\.36 /);
  });

  it('reports a server without health service', async () => {
    await using server = await serve();
    const outcome = await to(server.port);
    expect(outcome.result).toBe('failure');
    expect(outcome.detail).toMatch(
      /^error: this server does not implement the grpc health protocol \(grpc\.health\.v1\.Health\): /,
    );
  });

  it("reports a server's error", async () => {
    await using server = await serve((_, done) =>
      done({ code: status.NOT_FOUND, details: 'no such' }),
    );
    const outcome = await to(server.port);
    expect(outcome.detail).toBe('error: health rpc probe failed: 5 NOT_FOUND: no such');
  });

  it('reports a port without a listener', async () => {
    const port = await closedPort();
    expect(await to(port, '', 250)).toEqual({
      result: 'failure',
      detail: `timeout: failed to connect service "127.0.0.1:${port}" within 250ms: context deadline exceeded`,
    });
  });

  it('keeps trying to connect until its time is over', async () => {
    const first = Promise.withResolvers<undefined>();
    const dropping = await listen((socket) => {
      socket.destroy();
      first.resolve(undefined);
    });
    const outcome = to(dropping.port);
    await first.promise;
    await dropping[Symbol.asyncDispose]();
    await using server = await serve((_, done) => done(null, SERVING), dropping.port);
    expect(server.port).toBe(dropping.port);
    expect(await outcome).toEqual({ result: 'success', detail: '' });
  });

  it('reports a late answer', async () => {
    await using server = await serve(() => undefined);
    const { outcome, want } = await cutOff(
      (timeoutMs) => `timeout: health rpc did not complete within ${timeoutMs}ms`,
      (timeoutMs) => to(server.port, '', timeoutMs),
    );
    expect(outcome).toEqual({ result: 'failure', detail: want });
  });
});
