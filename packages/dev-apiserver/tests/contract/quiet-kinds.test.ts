import { connect } from 'node:http2';

import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger } from '@nodeagent/base/testing';
import {
  ENDPOINT_SLICES,
  type KubeClient,
  NODES,
  PODS,
  runReflector,
  SERVICES,
  Store,
  type WatchEvent,
} from '@nodeagent/kube-client';
import { afterEach, expect, it } from 'vitest';

import { startDevApiServer } from '../../src/index.js';
import { type Connected, startAndConnect } from './connect.js';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function connected(withholdsBookmarks: boolean): Promise<Connected> {
  const all = await startAndConnect({ withholdsBookmarks });
  closers.push(all.close);
  return all;
}

it.each([
  [false, ['bookmark']],
  [true, []],
])('bookmarks withheld: %s, a quiet watch brings %j', async (withheld, want) => {
  const { client } = await connected(withheld);
  const signal = new AbortController().signal;
  const { resourceVersion } = await client.list(PODS, {}, signal);
  const types: WatchEvent<unknown>['type'][] = [];
  for await (const event of client.watch(PODS, { resourceVersion, timeoutMs: 1000 }, signal)) {
    types.push(event.type);
  }
  expect(types).toEqual(want);
});

it('watches of quiet kinds that end and start again cause no warning', async () => {
  const { client } = await connected(true);
  const stop = new AbortController();
  const log = new MemoryLogger();
  const errors: string[] = [];
  const watches = new Map<string, number>();
  const stores = new Map<string, Store<string>>();
  const counting: Pick<KubeClient, 'list' | 'watch'> = {
    list: (kind, options, signal) => client.list(kind, options, signal),
    watch: (kind, options, signal) => {
      watches.set(kind.plural, (watches.get(kind.plural) ?? 0) + 1);
      // shortens watches of minutes to two seconds
      return client.watch(kind, { ...options, timeoutMs: 2000 }, signal);
    },
  };
  const running = [PODS, NODES, SERVICES, ENDPOINT_SLICES].map((kind) => {
    const store = new Store<string>();
    stores.set(kind.plural, store);
    return runReflector(
      counting as KubeClient,
      {
        resource: kind,
        project: (object: { metadata?: { name?: string } }) => object.metadata?.name,
        sink: store,
        log,
        clock: createSystemClock(),
        random: Math.random,
        onError: (error) => errors.push(error.message),
      },
      stop.signal,
    );
  });
  const counts = () =>
    [PODS, NODES, SERVICES, ENDPOINT_SLICES].map(({ plural }) => watches.get(plural) ?? 0);
  await expect.poll(() => Math.min(...counts())).toBeGreaterThan(2);
  const { signal } = new AbortController();
  await client.create(NODES, { metadata: { name: 'n1' } }, signal);
  await expect.poll(() => stores.get('nodes')?.items.has('n1')).toBe(true);
  stop.abort();
  await Promise.all(running);
  expect(errors).toEqual([]);
  expect(log.lines).toEqual([]);
});

it('clients that support HTTP/2 use it, with up to a hundred requests at a time', async () => {
  const server = await startDevApiServer();
  closers.push(() => server.stop());
  const session = connect(server.url, { ca: server.caCertificatePem });
  closers.push(() => session.destroy());
  await expect.poll(() => session.remoteSettings.maxConcurrentStreams).toBe(100);
  expect(session.alpnProtocol).toBe('h2');
});
