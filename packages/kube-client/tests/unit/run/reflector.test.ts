import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { KubeError } from '../../../src/model/errors.js';
import type { Pod } from '../../../src/model/generated/api-types.js';
import type { ObjectFailure } from '../../../src/model/object-failure.js';
import { PODS } from '../../../src/model/resources/core.js';
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

/** A reflector of pods' node names, with a record of everything that happens to it. */
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
      log: new MemoryLogger(),
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
  it('waits for a list that has a version to watch from', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('x'));
    vi.spyOn(client, 'list').mockResolvedValueOnce({ items: [], resourceVersion: '' });
    const { clock, waits, synced } = reflect(client);
    await clock.advance(0);
    expect([waits, synced()]).toEqual([[100], 0]);
    await clock.advance(100);
    expect([waits, synced()]).toEqual([[100], 1]);
  });

  it('lists page by page, keeps only the projection, then watches', async () => {
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

  it('lists again after an event that cannot be read: it would come again in each watch', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('x'));
    const { clock, store, waits } = reflect(client);
    await clock.advance(0);
    client.endWatches(new KubeError('KUBE_PROTOCOL', 'an event that is not JSON'));
    client.seed(PODS, aPod('y'));
    await clock.advance(100);
    expect(waits).toEqual([100]);
    expect(client.calls.map(({ verb }) => verb)).toEqual(['list', 'watch', 'list', 'watch']);
    expect([...store.items.keys()]).toEqual(['a/x', 'a/y']);
  });

  it('waits longer after each failure, with jitter, and starts over after a good time', async () => {
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

  it('lists again when its version expires, and reports what was deleted meanwhile', async () => {
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

  it('lists in one request when its continue token expires', async () => {
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

  it('advances its version with bookmarks', async () => {
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

  it('does not count it as a failure when the version of a quiet kind expires, even repeatedly', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('x'));
    const { clock, store, waits } = reflect(client);
    await clock.advance(0);
    for (let i = 0; i < 3; i += 1) {
      client.seed({ ...PODS, plural: 'others' }, aPod(`other${i}`));
      client.compact();
      await clock.advance(300_000);
      client.endWatches(); // silently
      await clock.advance(0);
    }
    expect(waits).toEqual([]);
    expect(client.calls.filter(({ verb }) => verb === 'list')).toHaveLength(4);
    expect(store.items.size).toBe(1);
  });

  it('asks for watches of five to ten minutes', async () => {
    for (const [random, timeoutMs] of [
      [0, 300_000],
      [0.5, 450_000],
    ] as const) {
      const client = createMemoryKubeClient();
      const { clock } = reflect(client, { random });
      await clock.advance(0);
      expect(client.calls.at(-1)).toMatchObject({ verb: 'watch', body: { timeoutMs } });
    }
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

  it('resolves on abort, and throws when the sink cannot accept the whole state', async () => {
    const client = createMemoryKubeClient();
    const { clock, controller, done } = reflect(client);
    await clock.advance(0);
    controller.abort();
    await expect(done).resolves.toBeUndefined();
    client.seed(PODS, aPod('x'));
    const sink = new Store<string>(() => {
      throw new TypeError('bug');
    });
    const log = new MemoryLogger();
    const options = { resource: PODS, project: () => 'x', sink, log, clock, random: () => 0 };
    await expect(runReflector(client, options, signal)).rejects.toThrow('bug');
  });
});

describe('an object that cannot be used', () => {
  const READ = 'nodeagent_object_failures_total{kind="Pod",step="read"}';
  const HANDLE = 'nodeagent_object_failures_total{kind="Pod",step="handle"}';

  /** A projection that fails on nodes named `bad`, and a sink that fails on nodes named `worse`. */
  async function follow(client: MemoryKubeClient) {
    const controller = new AbortController();
    stops.push(controller);
    const [clock, log, metrics] = [new ManualClock(), new MemoryLogger(), new MemoryMetrics()];
    const failures: ObjectFailure[] = [];
    const store = new Store<string>((_, item) => {
      if (item === 'worse') throw new TypeError('no such node');
    });
    const done = runReflector(
      client,
      {
        ...{ resource: PODS, sink: store, clock, log, metrics, random: () => 0 },
        project: ({ spec }) => {
          if (spec?.nodeName === 'bad') throw new TypeError('a bad node');
          return spec?.nodeName;
        },
        onObjectFailure: (failure) => failures.push(failure),
      },
      controller.signal,
    );
    await clock.advance(0);
    const state = (): object => Object.fromEntries(store.items);
    return { clock, log, metrics, failures, state, done, controller };
  }

  it('is left out of a list, reported once, and ends nothing', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('x'), aPod('y', 'bad'), aPod('z'));
    const { clock, log, metrics, failures, state, done, controller } = await follow(client);
    expect(state()).toEqual({ 'a/x': 'n1', 'a/z': 'n1' });
    expect(log.lines).toMatchObject([
      {
        level: 'error',
        message: 'object cannot be used; its previous version stays in force',
        fields: { kind: 'Pod', namespace: 'a', name: 'y', step: 'read' },
      },
    ]);
    expect(String(log.lines[0]?.fields['err'])).toBe('TypeError: a bad node');
    expect(metrics.values.get(READ)).toBe(1);
    expect(failures).toMatchObject([{ kind: 'Pod', namespace: 'a', name: 'y', step: 'read' }]);
    client.seed(PODS, aPod('y', 'n2'));
    await clock.advance(0);
    expect(state()).toEqual({ 'a/x': 'n1', 'a/y': 'n2', 'a/z': 'n1' });
    controller.abort();
    await expect(done).resolves.toBeUndefined();
  });

  it('stays as it was before, in the watch and in the next list', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('x'), aPod('y'));
    const { clock, metrics, state } = await follow(client);
    client.seed(PODS, aPod('x', 'bad'), aPod('z', 'bad'), aPod('y', 'n2'));
    await clock.advance(0);
    expect(state()).toEqual({ 'a/x': 'n1', 'a/y': 'n2' });
    await clock.advance(2000);
    client.compact();
    client.endWatches();
    await clock.advance(1000);
    expect(client.calls.filter(({ verb }) => verb === 'list')).toHaveLength(1);
    client.onCall = ({ verb }) => {
      if (verb !== 'watch') return;
      client.onCall = undefined;
      client.seed(PODS, aPod('other'));
      client.compact();
    };
    client.endWatches();
    await clock.advance(1000);
    expect(client.calls.filter(({ verb }) => verb === 'list')).toHaveLength(2);
    expect(state()).toEqual({ 'a/x': 'n1', 'a/y': 'n2', 'a/other': 'n1' });
    expect(metrics.values.get(READ)).toBe(4);
  });

  it('is removed when it is deleted', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('x'));
    const { clock, state } = await follow(client);
    client.seed(PODS, aPod('x', 'bad'));
    client.drop(PODS, { namespace: 'a', name: 'x' });
    await clock.advance(0);
    expect(state()).toEqual({});
  });

  it('that the sink refuses is reported as such, and its next version counts', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('y'));
    const { clock, metrics, failures, state } = await follow(client);
    client.seed(PODS, aPod('x', 'worse'), aPod('y', 'n2'));
    await clock.advance(0);
    expect(failures).toMatchObject([{ name: 'x', step: 'handle' }]);
    expect(metrics.values.get(HANDLE)).toBe(1);
    client.seed(PODS, aPod('x', 'n3'));
    await clock.advance(0);
    expect(state()).toEqual({ 'a/x': 'n3', 'a/y': 'n2' });
  });

  it('may even be without a name', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('x'));
    const nameless: unknown[] = [7, {}, { metadata: 'x' }, { metadata: { name: {} } }];
    nameless.push({ metadata: { name: 'x', namespace: 7 } });
    const list = client.list.bind(client);
    client.list = async (...asked) => {
      const page = await list(...asked);
      return { ...page, items: [...nameless, ...page.items] as typeof page.items };
    };
    const { failures, state } = await follow(client);
    expect(state()).toEqual({ 'a/x': 'n1' });
    expect(failures.map(({ name, error }) => `${name}: ${(error as Error).message}`)).toEqual([
      ': it has no name',
      ': it has no name',
      ': it has no name',
      ': it has no name',
      'x: its namespace is not a string',
    ]);
  });
});
