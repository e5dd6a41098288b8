import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { createKubeClient, type HttpKubeClient } from '@nodeagent/kube-client/http';
import { afterEach, beforeEach, expect, it } from 'vitest';

import {
  type RecordedApi,
  recordedWatch,
  startRecordedApi,
} from '../../../../../vitest.recorded.js';
import { type NodeView, NodeViewBuilder } from '../../../src/plan/node-view.js';
import { ChangeTracker } from '../../../src/plan/track-changes.js';
import { ObjectProblems } from '../../../src/run/object-problems.js';
import { type FamilySink, watchServices, watchSlices } from '../../../src/run/sources.js';

let api: RecordedApi;
let client: HttpKubeClient;
let stop: AbortController;

beforeEach(async () => {
  api = await startRecordedApi();
  client = createKubeClient({ server: api.url, source: 'recorded', user: {} });
  stop = new AbortController();
});
afterEach(() => {
  stop.abort();
  client.close();
  api.close();
});

/** Follows events from the wire to the node view, and counts the reported changes. */
function follow() {
  const tracker = new ChangeTracker(0);
  const builder = new NodeViewBuilder(tracker, 'IPv4', { nodeName: 'node1', zone: undefined });
  const log = new MemoryLogger();
  const counts = { services: 0, slices: 0, listed: 0 };
  const sink: FamilySink = {
    family: 'IPv4',
    setService: (name, ports) => {
      counts.services += 1;
      tracker.setService(name, ports);
    },
    setSlice: (name, slice) => {
      counts.slices += 1;
      tracker.setSlice(name, slice);
    },
    replaceServices: (all) => {
      counts.listed += 1;
      tracker.replaceServices(all);
    },
    replaceSlices: (all) => {
      counts.listed += 1;
      tracker.replaceSlices(all);
    },
    setServiceCidrs: () => undefined,
  };
  const problems: string[] = [];
  const events = { record: ({ message }: { message: string }) => void problems.push(message) };
  const options = {
    ...{ client, log, events, nodeName: 'node1', families: [sink] },
    ...{ clock: createSystemClock(), random: () => 0, counters: new MemoryMetrics() },
    problems: new ObjectProblems({ events, log }),
  };
  void watchServices(options, stop.signal);
  void watchSlices(options, stop.signal);
  const view = (): NodeView => {
    expect(builder.update().failures).toEqual([]);
    return builder.view;
  };
  return { view, counts, problems, errors: () => log.lines.filter((l) => l.level === 'error') };
}

it('recorded messages of a real API server lead to the right node view', async () => {
  const { view, counts, problems, errors } = follow();
  await expect.poll(() => counts.listed).toBe(2);
  const most = new Map<string, number>();
  const { length: changes } = recordedWatch('services').filter(({ type }) => {
    return type === 'ADDED' || type === 'MODIFIED';
  });
  for (const plural of ['services', 'endpointslices']) {
    let left = plural === 'services' ? changes : Number.POSITIVE_INFINITY;
    for (let event = api.next(plural); event !== undefined; event = api.next(plural)) {
      const { namespace, name } = event.object.metadata;
      const isServices = plural === 'services';
      const before = isServices ? counts.services : counts.slices;
      const isSelected =
        event.type !== 'BOOKMARK' &&
        event.object.spec?.['clusterIP'] !== 'None' &&
        event.object.metadata.labels?.['service.kubernetes.io/headless'] === undefined &&
        !`${namespace}/${name}`.startsWith('shop/names-');
      if (isSelected) {
        await expect
          .poll(() => (isServices ? counts.services : counts.slices), { timeout: 5000 })
          .toBeGreaterThan(before);
      }
      for (const [key, port] of view().ports) {
        most.set(key, Math.max(most.get(key) ?? 0, port.all.length));
      }
      left -= 1;
      if (left === 0) break; // Services are deleted after their slices
    }
  }
  expect(Object.fromEntries(most)).toEqual({
    'shop/web:http/TCP': 3,
    'shop/nobody:a/TCP': 0,
    'shop/nobody:b/UDP': 0,
    'shop/bare/TCP': 2,
    'shop/balanced/TCP': 3,
  });
  expect(errors()).toEqual([]);
  expect(problems).toEqual([]);
  while (api.next('services') !== undefined);
  await expect.poll(() => view().ports.size).toBe(0);
});
