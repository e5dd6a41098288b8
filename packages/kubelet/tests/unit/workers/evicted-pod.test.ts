import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { aPod } from '../../../src/testing/index.js';
import { Harness } from '../../support/pod-harness.js';

let node: Harness;

beforeEach(async () => {
  node = new Harness();
  node.start();
  await node.create(aPod());
  node.calls();
});

afterEach(() => node.stop());

async function end(reason: string): Promise<void> {
  void node.workers.evict(node.uid(), { reason, message: 'the node was low' }, 1);
  await node.advance(2000);
}

describe('an evicted pod', () => {
  it('loses its containers with their logs, and keeps its status', async () => {
    await end('Evicted');
    expect(node.calls().filter((call) => call.startsWith('remove'))).toEqual([
      'remove app-2',
      'remove-sandbox sandbox-1',
    ]);
    expect(node.status()).toMatchObject({
      ...{ phase: 'Failed', reason: 'Evicted', message: 'the node was low' },
      containerStatuses: [{ name: 'app', state: { terminated: {} } }],
    });
  });

  it('is gone from the node although its API object stays', async () => {
    expect(node.workers.isGone(node.uid())).toBe(false);
    await end('Evicted');
    expect(node.pod()).toBeDefined();
    expect(node.workers.isGone(node.uid())).toBe(true);
  });

  it('is still there while its volumes cannot be removed', async () => {
    const { volumes } = node;
    const teardown = volumes.teardown.bind(volumes);
    let isBusy = true;
    volumes.teardown = async (uid, signal) => {
      if (isBusy) throw new Error('busy');
      await teardown(uid, signal);
    };
    await end('Evicted');
    expect(node.workers.isGone(node.uid())).toBe(false);
    isBusy = false;
    await node.advance(60_000);
    expect(node.workers.isGone(node.uid())).toBe(true);
  });

  it('keeps its status over a restart of the kubelet', async () => {
    await end('Evicted');
    const before = node.status();
    await node.restart();
    await node.advance(5000);
    expect(node.status()).toEqual(before);
  });
});

it('a pod that the kubelet ends for another reason keeps its ended containers', async () => {
  await end('Preempting');
  expect(node.calls().filter((call) => call.startsWith('remove'))).toEqual([]);
  expect(node.workers.isGone(node.uid())).toBe(true);
});
