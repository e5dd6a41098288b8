import { ManualClock } from '@nodeagent/base/testing';
import { describe, expect, it } from 'vitest';

import { kindOf } from '../../../src/model/kinds.js';
import type { ApiObject } from '../../../src/model/object.js';
import type { ListQuery } from '../../../src/model/request.js';
import { parseLabelSelector } from '../../../src/model/selectors.js';
import { Registry } from '../../../src/run/registry.js';
import { Store } from '../../../src/run/store.js';
import { Watch } from '../../../src/run/watch.js';

const NODES = kindOf('', 'nodes');
const CONTEXT = {
  user: { username: 'a', groups: [] },
  dryRun: false,
  fieldManager: 't',
  force: false,
};

function setUp(): { registry: Registry; create: (name: string, color: string) => ApiObject } {
  let uids = 0;
  const registry = new Registry({
    store: new Store(1_000),
    clock: new ManualClock(),
    newUid: () => `uid-${(uids += 1)}`,
    newSuffix: () => 'abcde',
  });
  const create = (name: string, color: string): ApiObject => {
    const metadata = { name, labels: { color } };
    return registry.create(NODES, '', { apiVersion: 'v1', kind: 'Node', metadata }, CONTEXT);
  };
  return { registry, create };
}

function query(more: Partial<ListQuery> = {}): ListQuery {
  const none = { continueToken: '', resourceVersion: '', resourceVersionMatch: '' };
  return { namespace: '', labels: [], fields: [], limit: 0, ...none, ...more };
}

function watch(registry: Registry, options: Partial<ListQuery>): string[] {
  const seen: string[] = [];
  const presentation = { name: 'test', present: ({ metadata }: ApiObject) => `"${metadata.name}"` };
  const write = (line: string): void => {
    const { type, object } = JSON.parse(line) as { type: string; object: string };
    seen.push(`${type} ${object}`);
  };
  const settings = { query: query(options), bookmarks: true, sendInitialEvents: false };
  new Watch(registry, NODES, settings, { presentation, write }).start();
  return seen;
}

describe(Watch, () => {
  it('shows a change out of the selection as a deletion', () => {
    const { registry, create } = setUp();
    const seen = watch(registry, { labels: parseLabelSelector('color=red') });
    create('a', 'red');
    create('b', 'blue');
    const recolour = (name: string, color: string): ApiObject =>
      registry.update(
        NODES,
        { namespace: '', name, part: 'main' },
        (old) => ({ ...(old as ApiObject), metadata: { ...old?.metadata, labels: { color } } }),
        CONTEXT,
      );
    recolour('a', 'blue');
    recolour('b', 'red');
    recolour('b', 'red');
    registry.delete(NODES, { namespace: '', name: 'b' }, {}, { dryRun: false });
    expect(seen).toEqual(['ADDED a', 'DELETED a', 'ADDED b', 'DELETED b']);
  });

  it('resumes after a version, and refuses one from before the server began', () => {
    const { registry, create } = setUp();
    const first = create('a', 'red');
    create('b', 'red');
    const resourceVersion = first.metadata.resourceVersion ?? '';
    expect(watch(registry, { resourceVersion })).toEqual(['ADDED b']);
    expect(() => watch(registry, { resourceVersion: '7' })).toThrow('too old resource version: 7');
  });
});

describe('paging', () => {
  it('shows all pages in the state of the first', () => {
    const { registry, create } = setUp();
    for (const name of ['a', 'b', 'c']) create(name, 'red');
    const first = registry.list(NODES, query({ limit: 2 }));
    expect([first.items.length, first.remaining]).toEqual([2, 1]);
    create('d', 'red');
    registry.delete(NODES, { namespace: '', name: 'c' }, {}, { dryRun: false });
    const second = registry.list(NODES, query({ limit: 2, continueToken: first.continueToken }));
    expect(second.items.map(({ metadata }) => metadata.name)).toEqual(['c']);
    expect(second.resourceVersion).toBe(first.resourceVersion);
  });
});
