import { describe, expect, it } from 'vitest';

import type { ApiObject } from '../../../src/model/object.js';
import { type DeleteOptions, planDeletion } from '../../../src/plan/deletion.js';

const NOW_MS = Date.UTC(2026, 0, 1);

function aPod(
  more: { node?: string; phase?: string; meta?: object; grace?: number } = {},
): ApiObject {
  const { node = 'n1', phase = 'Running', meta = {}, grace = 30 } = more;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', ...meta },
    spec: { nodeName: node, terminationGracePeriodSeconds: grace },
    status: { phase },
  };
}

const going = { deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 };

const cases: readonly {
  name: string;
  pod: ApiObject;
  options?: DeleteOptions;
  want: string;
  deletionTimestamp?: string;
}[] = [
  {
    name: 'waits for the node',
    pod: aPod(),
    want: 'mark',
    deletionTimestamp: '2026-01-01T00:00:30Z',
  },
  { name: 'removes a pod without a node', pod: aPod({ node: '' }), want: 'remove' },
  { name: 'removes a finished pod', pod: aPod({ phase: 'Succeeded' }), want: 'remove' },
  { name: 'removes by force', pod: aPod(), options: { gracePeriodSeconds: 0 }, want: 'remove' },
  { name: 'does nothing the second time', pod: aPod({ meta: going }), want: 'nothing' },
  {
    name: 'shortens',
    pod: aPod({ meta: going }),
    options: { gracePeriodSeconds: 5 },
    want: 'mark',
    deletionTimestamp: '2026-01-01T00:00:05Z',
  },
  {
    name: 'never lengthens',
    pod: aPod({ meta: going }),
    options: { gracePeriodSeconds: 60 },
    want: 'nothing',
  },
  {
    name: "accepts the node's confirmation",
    pod: aPod({ meta: going }),
    options: { gracePeriodSeconds: 0 },
    want: 'remove',
  },
  {
    name: 'waits for finalizers',
    pod: aPod({ node: '', meta: { finalizers: ['x/y'] } }),
    want: 'mark',
  },
  {
    name: 'counts a negative period as 1',
    pod: aPod({ grace: -1 }),
    want: 'mark',
    deletionTimestamp: '2026-01-01T00:00:01Z',
  },
];

describe(planDeletion, () => {
  it.each(cases)('$name', ({ pod, options = {}, want, deletionTimestamp }) => {
    const plan = planDeletion(pod, options, NOW_MS);
    expect(plan.kind).toBe(want);
    if (deletionTimestamp !== undefined && plan.kind === 'mark') {
      expect(plan.object.metadata.deletionTimestamp).toBe(deletionTimestamp);
    }
  });
});
