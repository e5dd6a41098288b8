import { renderRestore } from '@nodeagent/netfilter';
import { expect, it } from 'vitest';

import { planRestore, type PortText, renderPort } from '../../src/plan/iptables/restore-input.js';
import { aCluster, aService, aSlice, type Cluster } from '../../src/testing/index.js';
import { baseSettings } from '../golden/examples.js';

const port = { port: 80, protocol: 'TCP', name: 'http' };
const ENDPOINTS = 10;
const ROUNDS = 7;
const settings = { ...baseSettings, comments: false };

function objectsOf(services: number) {
  return Array.from({ length: services }, (_, i) => {
    const name = `default/svc-${i}`;
    const ip = (j: number): string => `10.${(i >> 8) & 255}.${i & 255}.${j + 1}`;
    const ips = Array.from({ length: ENDPOINTS }, (_unused, j) => ip(j));
    const clusterIP = `172.30.${i >> 8}.${i & 255}`;
    return [aService(name, { clusterIP, ports: [port] }), aSlice(name, [port], ips)];
  }).flat();
}

function render(
  { builder }: Cluster,
  write: 'all' | ReadonlySet<string>,
  texts: Map<string, PortText>,
): number {
  const tables = planRestore({
    view: builder.view,
    settings,
    write,
    textOf: (key, view) => {
      const text = texts.get(key) ?? renderPort(view, settings);
      texts.set(key, text);
      return text;
    },
    staleChains: [],
  });
  let characters = 0;
  for (const chunk of renderRestore(tables)) characters += chunk.length;
  return characters;
}

/** CPU milliseconds of this process, the lowest of several rounds. */
function bestCpuMs(work: () => void): string {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return `${best.toFixed(1)} ms`;
}

it.each([1000, 5000])('%i services × 10 endpoints', (services) => {
  const objects = objectsOf(services);
  const view = bestCpuMs(() => aCluster(objects).builder.update());
  const cluster = aCluster(objects);
  cluster.builder.update();
  let characters = 0;
  const full = bestCpuMs(() => (characters = render(cluster, 'all', new Map())));
  const texts = new Map<string, PortText>();
  render(cluster, 'all', texts);
  let turn = 0;
  let changed = 0;
  const partial = bestCpuMs(() => {
    cluster.put(aSlice('default/svc-7', [port], [`10.200.0.${(turn += 1)}`]));
    const { changedPorts } = cluster.builder.update();
    for (const key of changedPorts) texts.delete(key);
    changed = render(cluster, changedPorts, texts);
  });
  const size = `${(characters / 1e6).toFixed(1)} MB`;
  console.log(
    `${services} × ${ENDPOINTS}: objects to view ${view}; full input ${full} (${size}); one endpoint ${partial}`,
  );
  expect(changed).toBeLessThan(characters / 8);
});
