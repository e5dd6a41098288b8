import { describe, expect, it } from 'vitest';

import {
  checkedAttachment,
  checkedClaim,
  checkedCsiNode,
  checkedDriver,
  checkedNode,
  checkedVolume,
} from '../../../src/storage/plan/checked-objects.js';

const csi = { driver: 'd', volumeHandle: 'v' };

/** Each once failed far from its cause, or passed a value of another type on to a driver. */
describe('an object that is not as the API promises', () => {
  it.each<readonly [string, () => unknown, string]>([
    ['a claim', () => checkedClaim({ spec: { volumeName: 7 } } as never), 'spec.volumeName'],
    ['finalizers', () => checkedClaim({ metadata: { finalizers: 'x' } } as never), 'finalizers'],
    ['owners', () => checkedClaim({ metadata: { ownerReferences: [7] } } as never), 'Refer'],
    ['modes', () => checkedVolume({ spec: { csi, accessModes: 'x' } } as never), 'accessModes'],
    ['a volume', () => checkedVolume({ spec: { csi: { driver: 7 } } } as never), 'csi.driver'],
    [
      'attributes',
      () => checkedVolume({ spec: { csi: { ...csi, volumeAttributes: { a: 1 } } } } as never),
      'spec.csi.volumeAttributes: expected map of strings, if any',
    ],
    ['a path', () => checkedVolume({ spec: { hostPath: {} } } as never), 'spec.hostPath.path'],
    ['a driver', () => checkedDriver({ spec: { volumeLifecycleModes: true } } as never), 'Modes'],
    [
      'an attachment',
      () => checkedAttachment({ status: { attached: 'yes' } } as never),
      'attached',
    ],
    [
      'a Node',
      () => checkedNode({ status: { volumesAttached: [{ name: 7 }] } } as never),
      'status.volumesAttached.0.name',
    ],
    ['a CSINode', () => checkedCsiNode({ spec: { drivers: {} } } as never), 'spec.drivers'],
    [
      'its driver',
      () => checkedCsiNode({ spec: { drivers: [{}] } } as never),
      'spec.drivers.0.name',
    ],
  ])('is refused by its field: %s', (_, check, field) => {
    expect(check).toThrow(TypeError);
    expect(check).toThrow(field);
  });

  it('may lack whatever the API lets it lack', () => {
    expect(checkedClaim({})).toEqual({});
    expect(checkedVolume({})).toEqual({});
    expect(checkedVolume({ spec: { csi } })).toEqual({ spec: { csi } });
    expect(checkedCsiNode({ spec: {} } as never)).toEqual({ spec: {} });
  });
});
