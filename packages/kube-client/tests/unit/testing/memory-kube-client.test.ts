import { describe, expect, it } from 'vitest';

import { isKubeError, KubeError } from '../../../src/model/errors.js';
import type { Pod } from '../../../src/model/generated/api-types.js';
import { TOKEN_REVIEWS } from '../../../src/model/resources/authentication.js';
import { BINDINGS, NAMESPACES, NODES, PODS } from '../../../src/model/resources/core.js';
import type { WatchEvent } from '../../../src/ports.js';
import { createMemoryKubeClient } from '../../../src/testing/index.js';

const signal = new AbortController().signal;
const at = { namespace: 'default', name: 'web' };

function aPod(name = 'web', nodeName?: string): Pod {
  const spec = { containers: [{ name: 'c', image: 'i' }] };
  return {
    metadata: { namespace: 'default', name },
    spec: nodeName === undefined ? spec : { ...spec, nodeName },
  };
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  const error = await action.then(() => undefined).catch((caught: unknown) => caught);
  return isKubeError(error) ? error.code : `no KubeError: ${String(error)}`;
}

describe('writes', () => {
  it('sets the metadata that a server sets', async () => {
    const client = createMemoryKubeClient();
    const pod = await client.create(PODS, aPod(), signal);
    expect(pod).toMatchObject({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
      status: { phase: 'Pending' },
    });
    expect(await codeOf(client.create(PODS, aPod(), signal))).toBe('KUBE_ALREADY_EXISTS');
  });

  it('refuses a replace of an old version', async () => {
    const client = createMemoryKubeClient();
    const old = await client.create(PODS, aPod(), signal);
    await client.replace(
      PODS,
      { ...old, metadata: { ...old.metadata, labels: { a: 'b' } } },
      {},
      signal,
    );
    expect(await codeOf(client.replace(PODS, old, {}, signal))).toBe('KUBE_CONFLICT');
  });

  it('keeps spec and status apart', async () => {
    const client = createMemoryKubeClient();
    await client.create(PODS, aPod(), signal);
    const body = { status: { phase: 'Running' }, spec: { nodeName: 'n1' } };
    await client.patch(PODS, at, { type: 'merge', body }, signal);
    expect(await client.get(PODS, at, signal)).toMatchObject({
      spec: { nodeName: 'n1' },
      status: { phase: 'Pending' },
      metadata: { generation: 2 },
    });
    const other = { status: { phase: 'Running' }, spec: { nodeName: 'n2' } };
    await client.patch(PODS, at, { type: 'merge', body: other, subresource: 'status' }, signal);
    expect(await client.get(PODS, at, signal)).toMatchObject({
      spec: { nodeName: 'n1' },
      status: { phase: 'Running' },
      metadata: { generation: 2 },
    });
  });

  it('merges conditions by type in a strategic merge patch', async () => {
    const client = createMemoryKubeClient();
    await client.create(NODES, { metadata: { name: 'n1' } }, signal);
    for (const type of ['Ready', 'DiskPressure', 'Ready']) {
      const body = { status: { conditions: [{ type, status: 'True' }] } };
      const patch = { type: 'strategic-merge', body, subresource: 'status' } as const;
      await client.patch(NODES, { name: 'n1' }, patch, signal);
    }
    const node = await client.get(NODES, { name: 'n1' }, signal);
    expect(node.status?.conditions?.map(({ type }) => type)).toEqual(['Ready', 'DiskPressure']);
  });

  it('refuses a patch that names another uid', async () => {
    const client = createMemoryKubeClient();
    await client.create(PODS, aPod(), signal);
    const patch = { type: 'merge', body: { metadata: { uid: 'x' } } } as const;
    expect(await codeOf(client.patch(PODS, at, patch, signal))).toBe('KUBE_CONFLICT');
  });

  it('binds a pod once', async () => {
    const client = createMemoryKubeClient();
    await client.create(PODS, aPod(), signal);
    const target = { resource: PODS, name: at, subresource: 'binding' };
    await client.createSubresource(target, { target: { kind: 'Node', name: 'n1' } }, signal);
    expect((await client.get(PODS, at, signal)).spec?.nodeName).toBe('n1');
    const again = client.createSubresource(target, { target: { name: 'n2' } }, signal);
    expect(await codeOf(again)).toBe('KUBE_CONFLICT');
  });
});

describe('kinds that are only created', () => {
  const review = { spec: { token: 'good' } };

  it('are answered by the test, and not stored', async () => {
    const client = createMemoryKubeClient({
      reviews: {
        tokenreviews: (sent) => ({ ...sent, status: { authenticated: true, user: null } }),
      },
    });
    const answered = await client.create(TOKEN_REVIEWS, review, signal);
    expect(answered).toStrictEqual({ ...review, status: { authenticated: true } });
    expect(client.calls).toStrictEqual([{ verb: 'create', plural: 'tokenreviews', body: review }]);
    const again = await client.create(TOKEN_REVIEWS, review, signal);
    expect(again).toStrictEqual(answered);
  });

  it('are unknown when nobody answers them', async () => {
    const client = createMemoryKubeClient();
    expect(await codeOf(client.create(TOKEN_REVIEWS, review, signal))).toBe('KUBE_NOT_FOUND');
  });

  it('fail like other calls', async () => {
    const client = createMemoryKubeClient();
    client.failNext({ verb: 'create' }, new KubeError('KUBE_UNAVAILABLE', 'away'));
    expect(await codeOf(client.create(TOKEN_REVIEWS, review, signal))).toBe('KUBE_UNAVAILABLE');
  });

  it('bind a pod as its subresource does', async () => {
    const client = createMemoryKubeClient();
    await client.create(PODS, aPod(), signal);
    const binding = { metadata: at, target: { kind: 'Node', name: 'n1' } };
    expect(await client.create(BINDINGS, binding, signal)).toMatchObject({ kind: 'Status' });
    expect((await client.get(PODS, at, signal)).spec?.nodeName).toBe('n1');
    expect(await codeOf(client.create(BINDINGS, binding, signal))).toBe('KUBE_CONFLICT');
    const nobody = { ...binding, metadata: { ...at, name: 'nobody' } };
    expect(await codeOf(client.create(BINDINGS, nobody, signal))).toBe('KUBE_NOT_FOUND');
  });

  it('have no other calls', async () => {
    const client = createMemoryKubeClient();
    // @ts-expect-error a review can be created only
    const read = client.get(TOKEN_REVIEWS, { name: 'x' }, signal);
    expect(await codeOf(read)).toBe('KUBE_NOT_FOUND');
    // @ts-expect-error a review can be created only
    const removed = client.delete(TOKEN_REVIEWS, { name: 'x' }, {}, signal);
    expect(await codeOf(removed)).toBe('KUBE_NOT_FOUND');
  });
});

describe('deletion', () => {
  it('removes an unscheduled pod at once', async () => {
    const client = createMemoryKubeClient();
    await client.create(PODS, aPod(), signal);
    await client.delete(PODS, at, {}, signal);
    expect(client.objects(PODS)).toEqual([]);
  });

  it('gives a scheduled pod its grace period and then waits for the final delete', async () => {
    const client = createMemoryKubeClient();
    await client.create(PODS, aPod('web', 'n1'), signal);
    await client.delete(PODS, at, {}, signal);
    expect((await client.get(PODS, at, signal)).metadata).toMatchObject({
      deletionGracePeriodSeconds: 30,
      deletionTimestamp: '2026-01-01T00:00:30Z',
    });
    await client.delete(PODS, at, { gracePeriodSeconds: 0 }, signal);
    expect(client.objects(PODS)).toEqual([]);
  });

  it('keeps an object until its finalizers are removed', async () => {
    const client = createMemoryKubeClient();
    const finalizers = ['example.com/hold'];
    await client.create(NODES, { metadata: { name: 'n1', finalizers } }, signal);
    await client.delete(NODES, { name: 'n1' }, {}, signal);
    expect(client.objects(NODES)).toHaveLength(1);
    const patch = { type: 'merge', body: { metadata: { finalizers: null } } } as const;
    await client.patch(NODES, { name: 'n1' }, patch, signal);
    expect(client.objects(NODES)).toEqual([]);
  });

  it('checks the uid', async () => {
    const client = createMemoryKubeClient();
    await client.create(PODS, aPod(), signal);
    expect(await codeOf(client.delete(PODS, at, { uid: 'x' }, signal))).toBe('KUBE_CONFLICT');
  });

  it('keeps a namespace until it is finalized', async () => {
    const client = createMemoryKubeClient();
    await client.create(NAMESPACES, { metadata: { name: 'a' } }, signal);
    await client.delete(NAMESPACES, { name: 'a' }, {}, signal);
    const found = await client.get(NAMESPACES, { name: 'a' }, signal);
    expect(found.status?.phase).toBe('Terminating');
    const done = { ...found, spec: { finalizers: [] } };
    await client.replace(NAMESPACES, done, { subresource: 'finalize' }, signal);
    expect(client.objects(NAMESPACES)).toEqual([]);
  });
});

describe('list and watch', () => {
  it('pages in order of names', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('c'), aPod('a'), aPod('b'));
    const first = await client.list(PODS, { limit: 2 }, signal);
    expect(first.items.map((pod) => pod.metadata?.name)).toEqual(['a', 'b']);
    const { continueToken = '' } = first;
    const second = await client.list(PODS, { limit: 2, continueToken }, signal);
    expect(second.items.map((pod) => pod.metadata?.name)).toEqual(['c']);
    expect(second.continueToken).toBeUndefined();
  });

  it('shows objects entering and leaving a selector', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('web'));
    const { resourceVersion } = await client.list(PODS, {}, signal);
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      const options = { resourceVersion, fieldSelector: 'spec.nodeName=n1' };
      for await (const event of client.watch(PODS, options, stop.signal)) seen.push(nameOf(event));
    })();
    await client.patch(PODS, at, { type: 'merge', body: { spec: { nodeName: 'n1' } } }, signal);
    await client.patch(
      PODS,
      at,
      { type: 'merge', body: { metadata: { labels: { a: '1' } } } },
      signal,
    );
    await client.patch(PODS, at, { type: 'merge', body: { spec: { nodeName: 'n2' } } }, signal);
    client.bookmark();
    await expect.poll(() => seen).toEqual(['added web', 'modified web', 'deleted web', 'bookmark']);
    stop.abort();
    await expect(watching).rejects.toBe(stop.signal.reason);
  });

  it('answers a compacted version with KUBE_GONE', async () => {
    const client = createMemoryKubeClient();
    client.seed(PODS, aPod('web'));
    client.compact();
    const events = client.watch(PODS, { resourceVersion: '1' }, signal)[Symbol.asyncIterator]();
    expect(await codeOf(events.next())).toBe('KUBE_GONE');
  });
});

function nameOf(event: WatchEvent<Pod>): string {
  return event.type === 'bookmark' ? 'bookmark' : `${event.type} ${event.object.metadata?.name}`;
}

it('fails as often as requested', async () => {
  const client = createMemoryKubeClient();
  client.seed(PODS, aPod());
  client.failNext({ verb: 'get' }, new KubeError('KUBE_SERVER', 'boom'), 2);
  expect(await codeOf(client.get(PODS, at, signal))).toBe('KUBE_SERVER');
  expect(await codeOf(client.get(PODS, at, signal))).toBe('KUBE_SERVER');
  await client.get(PODS, at, signal);
  expect(client.calls.map(({ verb }) => verb)).toEqual(['get', 'get', 'get']);
});

it('returns objects without null members', async () => {
  const client = createMemoryKubeClient();
  const metadata = { namespace: 'a', name: 'x' };
  client.seed(PODS, { metadata, spec: { volumes: null, containers: [] } } as unknown as Pod);
  const pod = await client.get(PODS, metadata, signal);
  expect(pod.spec).toStrictEqual({ containers: [] });
  const page = await client.list(PODS, {}, signal);
  expect(page.items).toStrictEqual([pod]);
  const body = { spec: { nodeName: 'n', volumes: null } };
  const patched = await client.patch(PODS, metadata, { type: 'merge', body }, signal);
  expect(patched.spec).toStrictEqual({ containers: [], nodeName: 'n' });
});
