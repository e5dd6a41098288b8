import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

import { createNetns, type Netns, startProcess, type TestProcess } from '@nodeagent/testbed';
import { afterEach, beforeAll, expect, it } from 'vitest';

import { startBigApiServer } from './big-apiserver.js';

/**
 * Start to first connection, one endpoint changed to the new one answering, memory: with a growing
 * background. Through real connections to a canary Service. `BENCH_MODE` is the proxy's mode,
 * `BENCH_SIZE` 0 to 2 picks one size.
 */
const SIZES = [
  { services: 1000, endpoints: 10 },
  { services: 5000, endpoints: 10 },
  { services: 5000, endpoints: 50 },
];
const MODE = process.env['BENCH_MODE'] ?? 'nftables';
const CHANGES = 60;
const ROOT = join(import.meta.dirname, '../../../..');
const API_HOST = '10.98.0.1';
const CANARY = '10.96.0.1';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

beforeAll(() => {
  execFileSync('nx', ['run', '@nodeagent/kube-proxy-app:build'], { cwd: ROOT });
}, 600_000);

const only = process.env['BENCH_SIZE'];

it.each(SIZES.filter((_, i) => only === undefined || only === String(i)))(
  '$services × $endpoints',
  { timeout: 600_000 },
  async (size) => {
    const node = await network();
    const [first, second] = [await answering('first'), await answering('second')];
    const api = await startBigApiServer(API_HOST, size, first);
    cleanups.push(() => api.close());
    const client = new Client(node);
    const startedMs = performance.now();
    const proxy = await startProxy(node, api.url);
    await client.until('first');
    const startMs = performance.now() - startedMs;
    const startCpuMs = cpuOf(proxy.pid);
    const changesMs: number[] = [];
    for (let i = 0; i < CHANGES; i += 1) {
      const [name, port] =
        i % 2 === 0 ? (['second', second] as const) : (['first', first] as const);
      const askedMs = performance.now();
      const answered = client.until(name);
      api.moveCanary(port);
      await answered;
      changesMs.push(performance.now() - askedMs);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const sorted = changesMs.toSorted((a, b) => a - b);
    const at = (part: number): string =>
      (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(1);
    const rssMiB = rssOf(proxy.pid);
    const cpuMs = startCpuMs.toFixed(0);
    console.log(
      `${MODE} ${size.services} × ${size.endpoints}: first connection after ${startMs.toFixed(0)} ms (CPU ${cpuMs} ms); ` +
        `one change ${at(0.5)} ms p50, ${at(0.99)} ms p99; RSS ${rssMiB.now} MiB, peak ${rssMiB.peak}`,
    );
    expect(changesMs).toHaveLength(CHANGES);
  },
);

async function network(): Promise<Netns> {
  const node = await createNetns();
  cleanups.push(() => node.remove());
  const device = `pb${process.pid}`;
  const ip = (...args: string[]): unknown => execFileSync('ip', args);
  ip('link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', node.name);
  ip('addr', 'add', `${API_HOST}/24`, 'dev', device);
  ip('link', 'set', device, 'up');
  await node.run(['ip', 'addr', 'add', '10.98.0.2/24', 'dev', 'eth0']);
  await node.run(['ip', 'link', 'set', 'eth0', 'up']);
  await node.run(['ip', 'route', 'add', 'default', 'via', API_HOST]);
  return node;
}

async function answering(name: string): Promise<number> {
  const server: Server = createServer((socket) => socket.end(name));
  server.listen(0, API_HOST);
  await once(server, 'listening');
  cleanups.push(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function startProxy(node: Netns, url: string): Promise<TestProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'kube-proxy-scale-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, 'config.yaml');
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: url } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'c',
    }),
  );
  writeFileSync(
    config,
    JSON.stringify({
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      mode: MODE,
      clientConnection: { kubeconfig },
      clusterCIDR: '10.128.0.0/9',
      conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
      // zero would mean the default, 1 s
      [MODE]: { minSyncPeriod: '1ms', syncPeriod: '30s' },
    }),
  );
  const program = join(ROOT, 'dist/bin/kube-proxy');
  const proxy = await startProcess({
    argv: [...node.enter, program, '--config', config, '--hostname-override', 'node-a'],
    env: { NODEAGENT_NODE: process.execPath },
    logFile: join(folder, 'proxy.log'),
  });
  cleanups.push(() => proxy.stop());
  return proxy;
}

/** User and system time so far; clock ticks are 10 ms. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function rssOf(pid: number): Readonly<{ now: number; peak: number }> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (field: string): number =>
    Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  return { now: of('VmRSS'), peak: of('VmHWM') };
}

/** On the node, in a process of its own. */
class Client {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;

  constructor(node: Netns) {
    const script = join(import.meta.dirname, 'client.mjs');
    const [program = '', ...args] = [...node.enter, process.execPath, script];
    this.#child = spawn(program, args);
    this.#lines = createInterface({ input: this.#child.stdout });
    cleanups.push(() => this.#child.stdin.end());
  }

  async until(wanted: string): Promise<void> {
    this.#child.stdin.write(`${JSON.stringify({ host: CANARY, port: 80, wanted })}\n`);
    await once(this.#lines, 'line');
  }
}
