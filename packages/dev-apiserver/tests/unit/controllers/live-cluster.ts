import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { PODS } from '@nodeagent/kube-client';
import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach } from 'vitest';

import { runControllers } from '../../../src/controllers.js';

const stops: AbortController[] = [];
const signal = new AbortController().signal;

afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

/** A cluster in memory with its controllers, and a kubelet that acts at once. */
export async function startLiveCluster() {
  const clock = new ManualClock();
  const client = createMemoryKubeClient({ clock });
  const log = new MemoryLogger();
  const stop = new AbortController();
  stops.push(stop);
  const options = { clock, random: () => 0, log, metrics: new MemoryMetrics(), rootCaPem: 'PEM' };
  const done = runControllers(client, options, stop.signal);
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 60; turn += 1) await clock.advance(0);
  };
  let ips = 0;
  /** Runs bound pods and ends deleted ones. */
  const kubelet = async (): Promise<void> => {
    for (const pod of client.objects(PODS)) {
      const { namespace = '', name = '', deletionTimestamp } = pod.metadata ?? {};
      if (pod.spec?.nodeName === undefined) continue;
      if (deletionTimestamp !== undefined) {
        await client.delete(PODS, { namespace, name }, { gracePeriodSeconds: 0 }, signal);
      } else if (pod.status?.phase === 'Pending') {
        const conditions = [{ type: 'Ready', status: 'True' }];
        const status = { phase: 'Running', podIP: `10.0.0.${(ips += 1)}`, conditions };
        const patch = { type: 'strategic-merge', body: { status }, subresource: 'status' } as const;
        await client.patch(PODS, { namespace, name }, patch, signal);
      }
    }
  };
  const live = async (rounds = 10): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      await settle();
      await kubelet();
    }
    await settle();
  };
  await settle();
  return { clock, client, log, stop, done, settle, live };
}
