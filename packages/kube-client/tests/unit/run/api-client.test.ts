import { ManualClock } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import { PODS } from '../../../src/model/resources/core.js';
import type { Transport } from '../../../src/ports.js';
import { ApiClient } from '../../../src/run/api-client.js';
import { refuseChannels } from '../../support/refuse-channels.js';

const signal = new AbortController().signal;
const PIECE = Buffer.alloc(2 ** 20, 0x20);

/** A client of a server whose answers have no end. */
function withoutEnd(): { readonly client: ApiClient; readonly given: () => number } {
  let given = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    for (; given < 1024; given += 1) yield PIECE;
  }
  const transport: Transport = {
    send: async () => ({ httpStatus: 200, retryAfter: undefined, body: body() }),
    openChannels: refuseChannels,
    close: () => undefined,
  };
  const client = new ApiClient({
    transport,
    credentials: { current: async () => ({}), refuse: () => undefined },
    clock: new ManualClock(),
    userAgent: 'test',
    requestTimeoutMs: 30_000,
  });
  return { client, given: () => given };
}

it('an answer without end is given up after 256 MiB', async () => {
  const { client, given } = withoutEnd();
  await expect(client.list(PODS, {}, signal)).rejects.toMatchObject({
    code: 'KUBE_PROTOCOL',
    message: 'GET /api/v1/pods: an answer of more than 256 MiB',
  });
  expect(given()).toBe(256);
});

it('an event without end is given up after 16 MiB', async () => {
  const { client, given } = withoutEnd();
  const events = client.watch(PODS, { resourceVersion: '1' }, signal)[Symbol.asyncIterator]();
  await expect(events.next()).rejects.toMatchObject({
    code: 'KUBE_PROTOCOL',
    message: 'GET /api/v1/pods: an event of more than 16 MiB',
  });
  expect(given()).toBe(16);
});

it('a name without a namespace is refused before anything is sent', async () => {
  const { client, given } = withoutEnd();
  const name = { name: 'web' };
  const token = { resource: PODS, name, subresource: 'token' };
  const message = 'pods "web": namespace is required';
  for (const refused of [
    client.get(PODS, name, signal),
    client.createSubresource(token, {}, signal),
  ]) {
    await expect(refused).rejects.toMatchObject({ code: 'KUBE_INVALID', message });
  }
  expect(given()).toBe(0);
});
