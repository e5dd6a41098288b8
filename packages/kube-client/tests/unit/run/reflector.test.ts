import { ManualClock } from '@nodeagent/base/testing';
import { afterEach, describe, expect, it } from 'vitest';

import { KubeError } from '../../../src/model/errors.js';
import type { Pod } from '../../../src/model/objects.js';
import { PODS } from '../../../src/model/resource.js';
import { runReflector } from '../../../src/run/reflector.js';
import { Store } from '../../../src/run/store.js';
import { createMemoryKubeClient, type MemoryKubeClient } from '../../../src/testing/index.js';

const stop = new AbortController();
const signal = stop.signal;
const stops: AbortController[] = [];

afterEach(() => {
  for (const controller of stops.splice(0)) controller.abort();
});

function aPod(name: string, nodeName = 'n1'): Pod {
  return { metadata: { namespace: 'a', name }, spec: { nodeName, containers: [] } };
}

/** A reflector of pods' node names, with all that happens to it. */
function reflect(client: MemoryKubeClient, more: { pageSize?: number; random?: number } = {}) {
  const controller = new AbortController();
  stops.push(controller);
  const clock = new ManualClock();
  const waits: number[] = [];
  const told: string[] = [];
  let synced = 0;
  const store = new Store<string>((key, item) => told.push(`${key}=${item ?? 'gone'}`));
  const done = runReflector(
    client,
    {
      resource: PODS,
      project: (pod) => pod.spec?.nodeName,
      sink: store,
      clock,
      random: () => more.random ?? 0,
      onSynced: () => (synced += 1),
      onError: (_, retryInMs) => waits.push(retryInMs),
      ...(more.pageSize === undefined ? {} : { pageSize: more.pageSize }),
    },
    controller.signal,
  );
  return { clock, waits, told, store, done, controller, synced: () => synced };
}

const ended = new KubeError('KUBE_UNAVAILABLE', 'reset');

describe(runReflector, () => {
  it('lists page by page, keeps the projection only, then follows', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('x'), aPod('y'), aPod('z', 'n2'));
    const { clock, store, synced } = reflect(client, { pageSize: 2 });
    await clock.advance(0);
    expect(Object.fromEntries(store.items)).toEqual({ 'a/x': 'n1', 'a/y': 'n1', 'a/z': 'n2' });
    expect(client.calls.map(({ verb }) => verb)).toEqual(['list', 'list', 'watch']);
    client.seed(PODS, aPod('x', 'n3'), aPod('new'));
    client.drop(PODS, { namespace: 'a', name: 'y' });
    await clock.advance(0);
    expect(Object.fromEntries(store.items)).toEqual({ 'a/x': 'n3', 'a/z': 'n2', 'a/new': 'n1' });
    expect(synced()).toBe(1);
  });

  it('resumes an ended watch where it was, without a list', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('x'));
    const { clock, store, waits } = reflect(client);
    await clock.advance(2000);
    client.endWatches();
    client.seed(PODS, aPod('y'));
    await clock.advance(0);
    expect([...store.items.keys()]).toEqual(['a/x', 'a/y']);
    expect(client.calls.map(({ verb }) => verb)).toEqual(['list', 'watch', 'watch']);
    expect(waits).toEqual([]);
  });

  it('waits longer after each failure, with jitter, and starts over after good times', async () => {
    const client = createMemoryKubeClient();
    client.failNext({ verb: 'list' }, ended, 3);
    const { clock, waits } = reflect(client, { random: 0.5 });
    await clock.advance(20_000);
    expect(waits).toEqual([150, 300, 600]);
    await clock.advance(130_000);
    client.endWatches(ended);
    await clock.advance(0);
    expect(waits.at(-1)).toBe(150);
  });

  it('never waits longer than 30 s before jitter', async () => {
    const client = createMemoryKubeClient();
    client.failNext({ verb: 'list' }, ended, 10);
    const { clock, waits } = reflect(client);
    await clock.advance(300_000);
    const doubled = [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600];
    expect(waits).toEqual([...doubled, 30_000]);
  });

  it('waits at least as long as the server asks', async () => {
    const client = createMemoryKubeClient();
    const busy = new KubeError('KUBE_TOO_MANY_REQUESTS', 'busy', { retryAfterMs: 7000 });
    client.failNext({ verb: 'list' }, busy);
    const { clock, waits } = reflect(client);
    await clock.advance(0);
    expect(waits).toEqual([7000]);
  });

  it('lists again when its version is forgotten, and tells what went away meanwhile', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('x'), aPod('y'));
    const { clock, told, synced } = reflect(client);
    await clock.advance(2000);
    told.length = 0;
    client.onCall = ({ verb }) => {
      if (verb !== 'watch') return;
      client.onCall = undefined;
      client.drop(PODS, { namespace: 'a', name: 'x' });
      client.compact();
    };
    client.endWatches();
    await clock.advance(0);
    expect(told).toEqual(['a/x=gone', 'a/y=n1']);
    expect(client.calls.map(({ verb }) => verb)).toEqual([
      'list',
      'watch',
      'watch',
      'list',
      'watch',
    ]);
    const versions = client.calls
      .filter(({ verb }) => verb === 'list')
      .map(({ body }) => (body as { resourceVersion?: string }).resourceVersion);
    expect(versions).toEqual(['0', undefined]);
    expect(synced()).toBe(1);
  });

  it('takes a list in one go when its continue token expires', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('x'), aPod('y'), aPod('z'));
    let lists = 0;
    client.onCall = ({ verb }) => {
      if (verb === 'list' && (lists += 1) === 2) throw new KubeError('KUBE_GONE', 'expired');
    };
    const { clock, store } = reflect(client, { pageSize: 1 });
    await clock.advance(0);
    expect(store.items.size).toBe(3);
    expect(lists).toBe(3);
  });

  it('moves on with bookmarks', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('x'));
    const { clock } = reflect(client);
    await clock.advance(2000);
    client.seed({ ...PODS, plural: 'others' }, aPod('other'));
    client.bookmark();
    await clock.advance(0);
    client.compact();
    client.endWatches();
    await clock.advance(0);
    expect(client.calls.map(({ verb }) => verb)).toEqual(['list', 'watch', 'watch']);
  });

  it('does not spin when the server ends watches at once', async () => {
    const client = createMemoryKubeClient();
    const { clock, waits } = reflect(client);
    await clock.advance(0);
    client.endWatches();
    await clock.advance(0);
    expect(waits).toEqual([100]);
  });

  it('drops what the projection no longer wants', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('x'));
    const { clock, store } = reflect(client);
    await clock.advance(0);
    const body = { spec: { nodeName: null } };
    const name = { namespace: 'a', name: 'x' };
    await client.patch(PODS, name, { type: 'merge', body }, signal);
    await clock.advance(0);
    expect(store.items.size).toBe(0);
  });

  it('ends quietly on abort, and loudly when the sink fails', async () => {
    const client = createMemoryKubeClient();
    const { clock, controller, done } = reflect(client);
    await clock.advance(0);
    controller.abort();
    await expect(done).resolves.toBeUndefined();
    client.seed(PODS, aPod('x'));
    const sink = new Store<string>(() => {
      throw new TypeError('bug');
    });
    const options = { resource: PODS, project: () => 'x', sink, clock, random: () => 0 };
    await expect(runReflector(client, options, signal)).rejects.toThrow('bug');
  });
});
