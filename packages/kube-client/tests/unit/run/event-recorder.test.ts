import { ManualClock, MemoryMetrics } from '@nodeagent/base/testing';
import { afterEach, expect, it } from 'vitest';

import { KubeError } from '../../../src/model/errors.js';
import type { EventNote } from '../../../src/model/event.js';
import { EVENTS } from '../../../src/model/resources/core.js';
import { QueuedEventRecorder } from '../../../src/run/event-recorder.js';
import { createMemoryKubeClient } from '../../../src/testing/index.js';

const stops: AbortController[] = [];
const dropped = 'nodeagent_events_dropped_total';

afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

function start() {
  const stop = new AbortController();
  stops.push(stop);
  const clock = new ManualClock();
  const metrics = new MemoryMetrics();
  const client = createMemoryKubeClient({ clock });
  const recorder = new QueuedEventRecorder({
    component: 'kubelet',
    host: 'n1',
    clock,
    random: () => 0.5,
    metrics,
  });
  const run = (): void => void recorder.run(client, stop.signal);
  const events = () => client.objects(EVENTS).map(({ count, message }) => `${count} ${message}`);
  return { clock, metrics, client, recorder, run, events };
}

function aNote(message: string, name = 'web'): EventNote {
  const about = { kind: 'Pod', apiVersion: 'v1', namespace: 'a', name, uid: 'u' };
  return { about, type: 'Normal', reason: 'Pulled', message };
}

it('writes events as kubectl shows them', async () => {
  const { clock, client, recorder, run } = start();
  run();
  recorder.record(aNote('done'));
  await clock.advance(0);
  expect(client.objects(EVENTS)).toMatchObject([
    {
      metadata: { namespace: 'a', name: 'web.18867251edfa0001' },
      involvedObject: { kind: 'Pod', namespace: 'a', name: 'web', uid: 'u' },
      source: { component: 'kubelet', host: 'n1' },
      reportingComponent: 'kubelet',
      reportingInstance: 'n1',
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      count: 1,
      type: 'Normal',
      reason: 'Pulled',
      message: 'done',
    },
  ]);
});

it('puts events of cluster-wide objects into the default namespace', async () => {
  const { clock, client, recorder, run } = start();
  run();
  const about = { kind: 'Node', apiVersion: 'v1', name: 'n1' };
  recorder.record({ about, type: 'Normal', reason: 'Starting', message: 'Starting kubelet.' });
  await clock.advance(0);
  expect(client.objects(EVENTS)[0]?.metadata.namespace).toBe('default');
});

it('patches the count of repeats, and creates expired events again', async () => {
  const { clock, client, recorder, run, events } = start();
  run();
  recorder.record(aNote('x'));
  recorder.record(aNote('x'));
  await clock.advance(0);
  expect(events()).toEqual(['2 x']);
  const { namespace = '', name = '' } = client.objects(EVENTS)[0]?.metadata ?? {};
  client.drop(EVENTS, { namespace, name });
  recorder.record(aNote('x'));
  await clock.advance(0);
  expect(events()).toEqual(['1 x']);
});

it('keeps trying while the server is away, and keeps the time of the event', async () => {
  const { clock, client, recorder, run, events } = start();
  run();
  client.failNext({ plural: 'events' }, new KubeError('KUBE_UNAVAILABLE', 'away'), 3);
  recorder.record(aNote('x'));
  await clock.advance(24_999);
  expect(events()).toEqual([]);
  await clock.advance(1);
  expect(client.objects(EVENTS)[0]?.firstTimestamp).toBe('2026-01-01T00:00:00Z');
});

it('gives up after twelve tries, and at once when refused', async () => {
  const { clock, client, recorder, run, metrics, events } = start();
  run();
  client.failNext({ plural: 'events' }, new KubeError('KUBE_UNAVAILABLE', 'away'), 12);
  recorder.record(aNote('x'));
  await clock.advance(200_000);
  client.failNext({ plural: 'events' }, new KubeError('KUBE_FORBIDDEN', 'terminating'));
  recorder.record(aNote('y'));
  recorder.record(aNote('z'));
  await clock.advance(0);
  expect(events()).toEqual(['1 z']);
  expect(metrics.values.get(`${dropped}{why="unreachable"}`)).toBe(1);
  expect(metrics.values.get(`${dropped}{why="refused"}`)).toBe(1);
});

it('holds at most a thousand events', async () => {
  const { clock, recorder, run, metrics, events } = start();
  for (let i = 0; i < 1003; i += 1) recorder.record(aNote('x', `pod-${i}`));
  run();
  await clock.advance(0);
  await expect.poll(() => events().length).toBe(1000);
  expect(metrics.values.get(`${dropped}{why="queue-full"}`)).toBe(3);
});
