import type { PodStatus } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { heldStatus, statusPatch } from '../../../src/status/index.js';

const ready = { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' };
const unready = { ...ready, status: 'False', reason: 'ContainersNotReady', message: 'app' };

const cases: readonly { name: string; base: PodStatus; next: PodStatus; want: unknown }[] = [
  {
    name: 'nothing changed',
    base: { phase: 'Running' },
    next: { phase: 'Running' },
    want: undefined,
  },
  {
    name: 'a field changed',
    base: { phase: 'Pending', podIP: '10.1.0.1' },
    next: { phase: 'Running', podIP: '10.1.0.1' },
    want: { phase: 'Running' },
  },
  {
    name: 'a field was removed',
    base: { phase: 'Failed', reason: 'Evicted' },
    next: { phase: 'Failed' },
    want: { reason: null },
  },
  {
    name: 'fields of other writers stay',
    base: { phase: 'Running', nominatedNodeName: 'n2' },
    next: { phase: 'Running' },
    want: undefined,
  },
  {
    name: 'a changed condition, without its outdated fields',
    base: { conditions: [{ type: 'foreign', status: 'True' }, unready] },
    next: { conditions: [ready] },
    want: { conditions: [{ ...ready, reason: null, message: null }] },
  },
  {
    name: 'pod-level resources',
    base: { resources: {}, allocatedResources: { memory: '1Gi' } },
    next: { resources: { requests: { cpu: '1' } }, allocatedResources: { cpu: '1' } },
    want: {
      resources: { requests: { cpu: '1' }, $patch: 'replace' },
      allocatedResources: { cpu: '1', $patch: 'replace' },
    },
  },
  {
    name: 'resources that the API does not have yet, without a directive',
    base: {},
    next: { resources: { requests: { cpu: '1' } }, allocatedResources: { cpu: '1' } },
    want: { resources: { requests: { cpu: '1' } }, allocatedResources: { cpu: '1' } },
  },
  {
    name: 'resources that are no longer in force are removed',
    base: { resources: { limits: { 'ephemeral-storage': '1Gi' } } },
    next: { resources: {} },
    want: { resources: { $patch: 'replace' } },
  },
  {
    name: 'new addresses replace the old ones',
    base: { podIPs: [{ ip: '10.1.0.1' }] },
    next: { podIPs: [{ ip: '10.1.0.2' }] },
    want: { podIPs: [{ ip: '10.1.0.2' }, { $patch: 'replace' }] },
  },
];

describe(statusPatch, () => {
  it.each(cases)('$name', ({ base, next, want }) => {
    const patch = statusPatch('uid-1', base, next);
    expect(patch).toEqual(want && { metadata: { uid: 'uid-1' }, status: want });
  });
});

describe(heldStatus, () => {
  const next: PodStatus = { phase: 'Running', podIP: '10.1.0.1', resources: {} };
  const patch = statusPatch('uid-1', { phase: 'Running' }, next);

  it('includes sent fields that an older API server does not know', () => {
    if (patch === undefined) throw new Error('nothing to patch');
    const held = heldStatus(patch, next, { phase: 'Running', podIP: '10.1.0.1' });
    expect(statusPatch('uid-1', held, next)).toBeUndefined();
  });

  it('lacks fields that were neither sent nor answered', () => {
    if (patch === undefined) throw new Error('nothing to patch');
    const held = heldStatus(patch, next, { podIP: '10.1.0.1', resources: {} });
    expect(statusPatch('uid-1', held, next)).toMatchObject({ status: { phase: 'Running' } });
  });
});
