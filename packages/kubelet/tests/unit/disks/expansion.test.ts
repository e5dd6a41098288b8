import type { PersistentVolume, PersistentVolumeClaim } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { expansionFailed, expansionFinished } from '../../../src/disks/plan/claim-patches.js';
import { type KnownSize, planExpansion } from '../../../src/disks/plan/expansion.js';

type Status = NonNullable<PersistentVolumeClaim['status']>;
const GI = 2 ** 30;

function bound(
  { capacity = '1Gi', ...status }: { capacity?: string } & Omit<Status, 'capacity'> = {},
  more: Partial<PersistentVolumeClaim> = {},
) {
  const claim: PersistentVolumeClaim = {
    spec: { resources: { requests: { storage: '2Gi' } } },
    status: { capacity: { storage: capacity }, ...status },
    ...more,
  };
  const found: PersistentVolume = { spec: { capacity: { storage: '2Gi' } } };
  return { claim, found };
}

const atNode = (state: string): Omit<Status, 'capacity'> => ({
  allocatedResources: { storage: '2Gi' },
  allocatedResourceStatuses: { storage: state },
});
const unknown: KnownSize = { recordedBytes: undefined, refusedInUse: false, failedBefore: false };
const shared = { spec: { accessModes: ['ReadWriteMany'] } };
const recorded = { ...unknown, recordedBytes: GI };

const cases: readonly {
  name: string;
  claim: ReturnType<typeof bound>;
  known?: KnownSize;
  readOnly?: boolean;
  want: object;
}[] = [
  {
    name: 'nothing for the right size',
    claim: bound({ capacity: '2Gi' }),
    want: { kind: 'none', recordedBytes: 2 * GI },
  },
  {
    name: 'the driver for a resizer that says nothing',
    claim: bound(),
    want: { kind: 'expand', by: 'old-resizer', size: '2Gi', bytes: 2 * GI },
  },
  {
    name: 'nothing for a volume that only is read',
    claim: bound(),
    readOnly: true,
    want: { kind: 'read-only' },
  },
  {
    name: 'the driver when it is the node’s turn',
    claim: bound(atNode('NodeResizePending')),
    want: { kind: 'expand', by: 'resizer', failureIsFinal: false },
  },
  {
    name: 'the driver again after a restart in between',
    claim: bound(atNode('NodeResizeInProgress')),
    want: { kind: 'expand', by: 'resizer' },
  },
  {
    name: 'nothing while the controller is at work',
    claim: bound(atNode('ControllerResizeInProgress')),
    want: { kind: 'wait' },
  },
  {
    name: 'nothing once it is infeasible',
    claim: bound(atNode('NodeResizeInfeasible')),
    want: { kind: 'wait' },
  },
  {
    name: 'nothing after the driver refused a volume in use',
    claim: bound(atNode('NodeResizePending')),
    known: { ...unknown, refusedInUse: true },
    want: { kind: 'none' },
  },
  {
    name: 'a last time after a failure, when the user wants another size',
    claim: bound(atNode('NodeResizePending'), {
      spec: { resources: { requests: { storage: '3Gi' } } },
    }),
    known: { ...unknown, failedBefore: true },
    want: { kind: 'expand', failureIsFinal: true },
  },
  {
    name: 'the driver of each node of a shared volume',
    claim: bound({ capacity: '2Gi', allocatedResources: { storage: '2Gi' } }, shared),
    known: recorded,
    want: { kind: 'expand', by: 'elsewhere' },
  },
  {
    name: 'nothing on other nodes where the claim says that once is enough',
    claim: bound(
      { capacity: '2Gi', allocatedResources: { storage: '2Gi' } },
      {
        ...shared,
        metadata: { annotations: { 'volume.kubernetes.io/node-expansion-not-required': '' } },
      },
    ),
    known: recorded,
    want: { kind: 'none', recordedBytes: 2 * GI },
  },
  {
    name: 'nothing for a volume of one node that has grown already',
    claim: bound({ capacity: '2Gi', allocatedResources: { storage: '2Gi' } }),
    known: recorded,
    want: { kind: 'none', recordedBytes: 2 * GI },
  },
];

describe(planExpansion, () => {
  it.each(cases)('asks $name', ({ claim, known = unknown, readOnly = false, want }) => {
    expect(planExpansion(claim, readOnly, known)).toMatchObject(want);
  });
});

describe('a patch of the claim', () => {
  it('says the new size, and nothing of resizing any more', () => {
    const { claim } = bound({
      ...atNode('NodeResizeInProgress'),
      conditions: [
        { type: 'Resizing', status: 'True' },
        { type: 'Other', status: 'True' },
      ],
    });
    const told = { ...claim, metadata: { resourceVersion: '7' } };
    expect(expansionFinished(told, '2Gi').body).toEqual({
      metadata: { resourceVersion: '7' },
      status: {
        capacity: { storage: '2Gi' },
        allocatedResourceStatuses: null,
        conditions: [{ type: 'Other', status: 'True' }],
      },
    });
  });

  it('says why it failed, and leaves other conditions alone', () => {
    expect(expansionFailed('no room', true, '2026-01-01T00:00:00Z')).toEqual({
      type: 'strategic-merge',
      body: {
        status: {
          allocatedResourceStatuses: { storage: 'NodeResizeInfeasible' },
          conditions: [
            {
              type: 'NodeResizeError',
              status: 'True',
              lastTransitionTime: '2026-01-01T00:00:00Z',
              message: 'failed to expand pvc with no room',
            },
          ],
        },
      },
    });
  });
});
