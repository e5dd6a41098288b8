import { describe, expect, test } from 'vitest';

import { CheckpointError } from '../../../src/pod/model/errors.js';
import { fnv1a32 } from '../../../src/pod/model/fnv.js';
import { parseAllocations } from '../../../src/resize/codec/resource-checkpoint.js';

function checkpoint(entries: unknown): string {
  const data = JSON.stringify({ entries });
  return JSON.stringify({ data, checksum: fnv1a32(`(string)${data}`) });
}

describe('A checkpoint of resources whose checksum fits', () => {
  test.each([
    ['entries are a list', []],
    ['a pod is a text', { uid: 'x' }],
    ['containers are a number', { uid: { ContainerResources: 1 } }],
    ['amounts are a list', { uid: { ContainerResources: { a: { requests: ['1'] } } } }],
    ['an amount is a number', { uid: { ContainerResources: { a: { limits: { cpu: 1 } } } } }],
    ['the amounts of the pod are a text', { uid: { PodLevelResources: { limits: 'x' } } }],
  ])('is refused if %s', (_, entries) => {
    expect(() => parseAllocations(checkpoint(entries), '/state')).toThrow(CheckpointError);
  });

  test('may have null for empty maps, as Go writes them', () => {
    const entries = { uid: { ContainerResources: null, PodLevelResources: null } };
    expect(parseAllocations(checkpoint(entries), '/state')).toEqual(
      new Map([['uid', { containers: {} }]]),
    );
  });
});
