import { describe, expect, it } from 'vitest';

import { strategicMerge } from '../../../src/plan/strategic-merge.js';

const container = (name: string, more: object = {}): object => ({ name, ...more });
const pod = (spec: object): Record<string, unknown> => ({ spec });

const cases = [
  {
    name: 'merges containers by name',
    old: pod({ containers: [container('a', { image: 'x', tty: true }), container('b')] }),
    patch: pod({ containers: [container('a', { image: 'y' }), container('c')] }),
    want: pod({
      containers: [container('a', { image: 'y', tty: true }), container('b'), container('c')],
    }),
  },
  {
    name: 'deletes one element',
    old: pod({ containers: [container('a'), container('b')] }),
    patch: pod({ containers: [{ name: 'a', $patch: 'delete' }] }),
    want: pod({ containers: [container('b')] }),
  },
  {
    name: 'replaces a list',
    old: pod({ containers: [container('a'), container('b')] }),
    patch: pod({ containers: [container('c'), { $patch: 'replace' }] }),
    want: pod({ containers: [container('c')] }),
  },
  {
    name: 'replaces a map',
    old: { metadata: { labels: { a: '1' } } },
    patch: { metadata: { labels: { $patch: 'replace', b: '2' } } },
    want: { metadata: { labels: { b: '2' } } },
  },
  {
    name: 'treats tolerations as one value',
    old: pod({ tolerations: [{ key: 'a' }] }),
    patch: pod({ tolerations: [{ key: 'b' }] }),
    want: pod({ tolerations: [{ key: 'b' }] }),
  },
  {
    name: 'keeps only the named source of a volume',
    old: pod({ volumes: [{ name: 'v', emptyDir: {} }] }),
    patch: pod({
      volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/' } }],
    }),
    want: pod({ volumes: [{ name: 'v', hostPath: { path: '/' } }] }),
  },
  {
    name: 'orders by $setElementOrder',
    old: pod({ containers: [container('a'), container('b')] }),
    patch: pod({
      '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }],
      containers: [container('b', { image: 'z' })],
    }),
    want: pod({ containers: [container('b', { image: 'z' }), container('a')] }),
  },
  {
    name: 'removes finalizers by value, and adds without duplicates',
    old: { metadata: { finalizers: ['a', 'b'] } },
    patch: { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['b', 'c'] } },
    want: { metadata: { finalizers: ['b', 'c'] } },
  },
  {
    name: 'removes fields by null',
    old: { metadata: { labels: { a: '1', b: '2' } } },
    patch: { metadata: { labels: { a: null } } },
    want: { metadata: { labels: { b: '2' } } },
  },
  {
    name: 'merges conditions by type',
    old: { status: { conditions: [{ type: 'Ready', status: 'False', reason: 'x' }] } },
    patch: { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
    want: { status: { conditions: [{ type: 'Ready', status: 'True', reason: 'x' }] } },
  },
];

describe(strategicMerge, () => {
  it.each(cases)('$name', ({ old, patch, want }) => {
    const before = structuredClone(old);
    expect(strategicMerge('V1Pod', old, patch)).toEqual(want);
    expect(old).toEqual(before);
  });

  it('drops an object whose directive has no target', () => {
    const patch = { status: { resources: { requests: { cpu: '1' }, $patch: 'replace' } } };
    expect(strategicMerge('V1Pod', { status: { phase: 'Running' } }, patch)).toEqual({
      status: { phase: 'Running' },
    });
    const old = { status: { resources: { limits: { cpu: '2' } } } };
    expect(strategicMerge('V1Pod', old, patch)).toEqual({
      status: { resources: { requests: { cpu: '1' } } },
    });
  });

  it('merges service ports by port', () => {
    const old = { spec: { ports: [{ port: 80, nodePort: 30_000 }] } };
    const patch = { spec: { ports: [{ port: 80, name: 'http' }] } };
    expect(strategicMerge('V1Service', old, patch)).toEqual({
      spec: { ports: [{ port: 80, nodePort: 30_000, name: 'http' }] },
    });
  });

  it('refuses an element without its key', () => {
    const patch = pod({ containers: [{ image: 'x' }] });
    expect(() => strategicMerge('V1Pod', {}, patch)).toThrow(/does not contain declared merge key/);
  });
});
