import { describe, expect, it } from 'vitest';

import type { ApiObject } from '../../../src/model/object.js';
import { Store } from '../../../src/run/store.js';

const thing = (name: string, value = ''): ApiObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { value },
});

describe(Store, () => {
  it('resumes from any remembered version, and reports when it cannot', () => {
    const store = new Store(100, 4);
    const things = store.collection('things');
    for (let i = 0; i < 6; i += 1) things.put(`k${i}`, thing(`k${i}`));
    expect(things.changesSince(104)?.map(({ key }) => key)).toEqual(['k4', 'k5']);
    expect(things.changesSince(store.version)).toEqual([]);
    expect(things.changesSince(100)).toBeUndefined();
    expect(new Store(100).collection('other').changesSince(99)).toEqual([]);
    expect(new Store(100).collection('other').changesSince(98)).toBeUndefined();
  });

  it('shows an older state', () => {
    const store = new Store(0);
    const things = store.collection('things');
    things.put('a', thing('a', 'old'));
    const then = store.version;
    things.put('a', thing('a', 'new'));
    things.put('b', thing('b'));
    things.remove('a');
    expect([...(things.snapshotAt(then) ?? [])].map(([key, { data }]) => [key, data])).toEqual([
      ['a', { value: 'old' }],
    ]);
    expect(things.keys()).toEqual(['b']);
  });
});
