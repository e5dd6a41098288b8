import { hostname } from 'node:os';

import { describe, expect, it } from 'vitest';

import { describeNode } from '../../src/describe.js';

describe(describeNode, () => {
  it('measures this machine under the name of its host', async () => {
    const { metadata, status } = await describeNode();
    const name = hostname().toLowerCase();
    expect(metadata?.name).toBe(name);
    expect(metadata?.labels).toMatchObject({ 'kubernetes.io/hostname': name });
    expect(Number(status?.capacity?.['cpu'])).toBeGreaterThan(0);
    expect(status?.addresses).toContainEqual({ type: 'Hostname', address: name });
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready?.status).toBe('False');
  });

  it('takes every setting of a node', async () => {
    const { metadata, status } = await describeNode({
      nodeName: 'n1',
      maxPods: 7,
      nodeIps: ['127.0.0.1'],
    });
    expect([metadata?.name, status?.capacity?.['pods']]).toEqual(['n1', '7']);
  });

  it('refuses to reserve more than there is', async () => {
    const reserving = describeNode({ evictionReserved: { memory: { bytes: 2 ** 60 } } });
    await expect(reserving).rejects.toMatchObject({ code: 'NODE_ALLOCATABLE_INVALID' });
  });

  it('ends with its signal', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(describeNode({ signal })).rejects.toThrow('enough');
  });
});
