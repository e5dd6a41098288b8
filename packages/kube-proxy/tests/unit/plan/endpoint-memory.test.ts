import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, it } from 'vitest';

import {
  ChangeTracker,
  NodeViewBuilder,
  projectService,
  projectSlice,
} from '../../../src/index.js';
import { aService, aSlice } from '../../../src/testing/index.js';

const SERVICES = 5000;
const ENDPOINTS_EACH = 50;
const MEBIBYTE = 1024 * 1024;

const port = { port: 80, protocol: 'TCP', name: 'http' };

/**
 * An object as it comes over the wire: its strings are its own, nothing is shared with other
 * objects.
 */
const received = <T>(object: T): T => JSON.parse(JSON.stringify(object)) as T;

function heapMebibytes(): number {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  gc();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MEBIBYTE;
}

it('keeps a quarter of a million endpoints in a few dozen MiB', { timeout: 120_000 }, () => {
  const before = heapMebibytes();
  const tracker = new ChangeTracker(0);
  const builder = new NodeViewBuilder(tracker, 'IPv4', { nodeName: 'node-a', zone: undefined });
  for (let i = 0; i < SERVICES; i += 1) {
    const name = `default/service-${i}`;
    const ips = Array.from({ length: ENDPOINTS_EACH }, (_, k) => ({
      ip: `10.${128 + (i >> 8)}.${i & 255}.${k + 1}`,
      nodeName: `node-${k}`,
    }));
    const service = aService(name, { clusterIP: `10.96.${i >> 8}.${i & 255}`, ports: [port] });
    tracker.setService(name, projectService(received(service)).IPv4);
    tracker.setSlice(name, projectSlice(received(aSlice(name, [port], ips)), 'node-a'));
  }
  builder.update();
  expect(builder.view.endpointCount).toBe(SERVICES * ENDPOINTS_EACH);
  const used = heapMebibytes() - before;
  expect(used).toBeLessThan(50);
});
