import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import type { TransportRequest } from '../../../src/ports.js';
import { LoggedTransport } from '../../../src/run/logged-transport.js';
import { refuseChannels } from '../../support/refuse-channels.js';

it('writes method, path and status of each request, and no secret', async () => {
  const [log, clock] = [new MemoryLogger(), new ManualClock()];
  const { signal } = new AbortController();
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{"data":"answer-secret"}');
  }
  let isAway = false;
  const transport = new LoggedTransport({
    ...{ log, clock },
    transport: {
      send: async () => {
        if (isAway) throw new Error('nobody there');
        return { httpStatus: 201, retryAfter: undefined, body: body() };
      },
      openChannels: refuseChannels,
      close: () => undefined,
    },
  });
  const request: TransportRequest = {
    ...{ method: 'POST', path: '/api/v1/secrets', idleTimeoutMs: 1000 },
    headers: { authorization: 'Bearer header-secret' },
    body: '{"data":"body-secret"}',
  };
  await transport.send(request, { authorization: 'Bearer header-secret' }, signal);
  isAway = true;
  await expect(transport.send(request, {}, signal)).rejects.toThrow('nobody there');
  expect(log.lines.map(({ message, fields }) => [message, fields['status']])).toEqual([
    ['the API server answered', 201],
    ['the API server did not answer', undefined],
  ]);
  expect(log.lines[0]?.fields).toMatchObject({ method: 'POST', path: '/api/v1/secrets' });
  expect(JSON.stringify(log.lines)).not.toContain('secret"');
});
