import { takeDescriptors } from '@nodeagent/testbed';
import { expect, it } from 'vitest';

import { createGrpcProber } from '../../src/adapters/grpc-prober.js';
import { createHttpProber } from '../../src/adapters/http-prober.js';
import { createTcpProber } from '../../src/adapters/tcp-prober.js';
import type { ProbeOutcome } from '../../src/model/result.js';
import { listen } from '../loopback.js';

const { signal } = new AbortController();
const timeoutMs = 1000;

it('a probe without a file descriptor for its connection says nothing about the container', async () => {
  await using server = await listen(() => undefined);
  const { port } = server;
  const hostname = '127.0.0.1';
  const url = { scheme: 'http', hostname, port, target: '/', host: hostname, headers: [] } as const;
  const [http, tcp, grpc] = [createHttpProber(), createTcpProber(), createGrpcProber()];
  const taken = await takeDescriptors(process.pid);
  const outcomes: ProbeOutcome[] = [];
  try {
    outcomes.push(
      await http({ ...url, timeoutMs }, signal),
      await tcp({ hostname, port, timeoutMs }, signal),
      await grpc({ address: hostname, port, service: '', timeoutMs }, signal),
    );
  } finally {
    await taken.giveBack();
  }
  expect(outcomes.map(({ result }) => result)).toEqual(['error', 'error', 'error']);
  expect(await tcp({ hostname, port, timeoutMs }, signal)).toMatchObject({ result: 'success' });
});
