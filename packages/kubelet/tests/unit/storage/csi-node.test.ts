import type { NodeInfo } from '@nodeagent/csi';
import type { CsiNode } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import {
  emptyCsiNode,
  isOfAnotherNode,
  nodePatch,
  withDriver,
} from '../../../src/storage/plan/csi-node.js';

const info = (more: Partial<NodeInfo> = {}): NodeInfo => ({
  nodeId: 'id-1',
  maxVolumesPerNode: 0,
  accessibleTopology: undefined,
  ...more,
});
const empty = emptyCsiNode('n', 'uid-1');
const names = (found: CsiNode | undefined): readonly string[] | undefined =>
  found?.spec.drivers.map(({ name }) => name);

describe(withDriver, () => {
  it('puts a driver last', () => {
    const both = withDriver(withDriver(empty, 'a', info())!, 'b', info())!;
    expect(names(both)).toEqual(['a', 'b']);
    expect(names(withDriver(both, 'a', info({ nodeId: 'other' })))).toEqual(['b', 'a']);
  });

  it('changes nothing where nothing differs', () => {
    const topology = { accessibleTopology: { segments: { z: '1', a: '2' } } };
    const found = withDriver(empty, 'a', info({ maxVolumesPerNode: 3, ...topology }))!;
    expect(withDriver(found, 'a', info({ maxVolumesPerNode: 3, ...topology }))).toBeUndefined();
    expect(withDriver(found, 'b', undefined)).toBeUndefined();
  });

  it('names the topology in its order, and one entry for a driver', () => {
    const accessibleTopology = { segments: { z: '1', 'example.com/a': '2', b: '3' } };
    const found = withDriver(withDriver(empty, 'a', info())!, 'a', info({ accessibleTopology }));
    expect(found?.spec.drivers).toEqual([
      { name: 'a', nodeID: 'id-1', topologyKeys: ['b', 'example.com/a', 'z'] },
    ]);
  });

  it('takes a driver out', () => {
    expect(names(withDriver(withDriver(empty, 'a', info())!, 'a', undefined))).toEqual([]);
  });

  it('reads the empty list of an API server, which is not there', () => {
    const sent = { ...empty, spec: {} } as CsiNode;
    expect(names(withDriver(sent, 'a', info()))).toEqual(['a']);
    expect(withDriver(sent, 'a', undefined)).toBeUndefined();
  });

  it.each([
    [3, { count: 3 }],
    [0, undefined],
    [-1, undefined],
    [2 ** 40, { count: 2 ** 31 - 1 }],
  ])('says that the node takes %d volumes', (maxVolumesPerNode, allocatable) => {
    const found = withDriver(empty, 'a', info({ maxVolumesPerNode }));
    expect(found?.spec.drivers[0]?.allocatable).toEqual(allocatable);
  });
});

describe(nodePatch, () => {
  const annotations = (ids: string) => ({ 'csi.volume.kubernetes.io/nodeid': ids });

  it('keeps other drivers, and labels that are there', () => {
    const metadata = { annotations: annotations('{"b":"x"}'), labels: { zone: 'z' } };
    const said = info({ accessibleTopology: { segments: { zone: 'z', rack: 'r' } } });
    expect(nodePatch({ metadata }, 'a', said)).toEqual({
      metadata: { annotations: annotations('{"a":"id-1","b":"x"}'), labels: { rack: 'r' } },
    });
    expect(nodePatch({ metadata }, 'b', info({ nodeId: 'x' }))).toBeUndefined();
  });

  it('removes the annotation with the last driver', () => {
    const metadata = { annotations: annotations('{"a":"id-1"}') };
    expect(nodePatch({ metadata }, 'a', undefined)).toEqual({
      metadata: { annotations: { 'csi.volume.kubernetes.io/nodeid': null } },
    });
  });

  it.each(['[]', 'null', '"x"', '{', '7'])('writes anew what others made of it: %s', (ids) => {
    expect(nodePatch({ metadata: { annotations: annotations(ids) } }, 'a', info())).toEqual({
      metadata: { annotations: annotations('{"a":"id-1"}') },
    });
  });

  it('refuses topology that contradicts the Node', () => {
    const said = info({ accessibleTopology: { segments: { zone: 'other' } } });
    expect(() => nodePatch({ metadata: { labels: { zone: 'z' } } }, 'a', said)).toThrow(
      'detected topology value collision: driver reported "zone":"other" but existing label is "zone":"z"',
    );
  });
});

it('a CSINode of a node that had the same name is another one', () => {
  expect(isOfAnotherNode(empty, 'uid-1')).toBe(false);
  expect(isOfAnotherNode(empty, 'uid-2')).toBe(true);
  expect(isOfAnotherNode({ spec: { drivers: [] } }, 'uid-1')).toBe(true);
});
