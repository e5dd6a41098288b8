import { expect, it } from 'vitest';

import { wantedBytes } from '../../src/plan/expansion.js';
import { aClaim, aVolume } from './cluster.js';

const GIB = 2 ** 30;

/** The sizes of a claim in GiB. */
interface Case {
  readonly asked: number;
  /** The claim's capacity; 1 when absent. */
  readonly has?: number;
  /** The volume's capacity. */
  readonly volume: number;
  readonly allocated?: number;
  readonly step?: string;
  readonly failed?: boolean;
  readonly phase?: string;
}

const cases: readonly (readonly [string, Case, number | undefined])[] = [
  ['nothing more is asked', { asked: 1, volume: 1 }, undefined],
  ['the claim is not bound', { asked: 2, volume: 1, phase: 'Pending' }, undefined],
  ['more is asked', { asked: 2, volume: 1 }, 2],
  [
    'the driver was asked',
    { asked: 2, volume: 1, allocated: 2, step: 'ControllerResizeInProgress' },
    2,
  ],
  [
    'still more is asked meanwhile',
    { asked: 3, volume: 1, allocated: 2, step: 'ControllerResizeInProgress' },
    2,
  ],
  [
    'the driver has refused, and less is asked',
    { asked: 2, volume: 1, allocated: 3, step: 'ControllerResizeInProgress', failed: true },
    2,
  ],
  [
    'the size is infeasible, and less is asked',
    { asked: 2, volume: 1, allocated: 3, step: 'ControllerResizeInfeasible' },
    2,
  ],
  [
    'the answer was not written',
    { asked: 2, volume: 2, allocated: 2, step: 'ControllerResizeInProgress' },
    2,
  ],
  [
    'the node is at work',
    { asked: 2, volume: 2, allocated: 2, step: 'NodeResizePending' },
    undefined,
  ],
  [
    'the node is at work, and more is asked',
    { asked: 3, volume: 2, allocated: 2, step: 'NodeResizeInProgress' },
    undefined,
  ],
  ['the node cannot do it', { asked: 2, volume: 2, allocated: 2, step: 'NodeResizeInfeasible' }, 2],
  ['the node is done, and more is asked', { asked: 3, has: 2, volume: 2, allocated: 2 }, 3],
  [
    'nothing more is asked after all',
    { asked: 1, volume: 1, allocated: 2, step: 'ControllerResizeInProgress' },
    undefined,
  ],
];

it.each(cases)(
  'when %s',
  (_, { asked, has = 1, volume, allocated, step, failed, phase = 'Bound' }, want) => {
    const claim = {
      ...aClaim('c', { resources: { requests: { storage: `${asked}Gi` } } }),
      status: {
        phase,
        capacity: { storage: `${has}Gi` },
        ...(allocated !== undefined && { allocatedResources: { storage: `${allocated}Gi` } }),
        ...(step !== undefined && { allocatedResourceStatuses: { storage: step } }),
        ...(failed === true && { conditions: [{ type: 'ControllerResizeError', status: 'True' }] }),
      },
    };
    const backing = aVolume('v');
    const sized = { ...backing, spec: { ...backing.spec, capacity: { storage: `${volume}Gi` } } };
    expect(wantedBytes(claim, sized)).toBe(want === undefined ? undefined : want * GIB);
  },
);
