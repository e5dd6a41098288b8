import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

import {
  createNetns,
  type Netns,
  startProcess,
  type TestProcess,
  thisNetns,
} from '@nodeagent/testbed';
import { afterEach, beforeAll, expect, it } from 'vitest';

import { inOwnNamespace } from '../../../../vitest.namespace.js';
import { type Size, startBigApiServer } from './big-apiserver.js';

/**
 * Measures the time from start to the first connection, the time from a change of one endpoint
 * until the new one answers, and memory, with growing numbers of other Services. Connects to a
 * canary Service. `BENCH_MODE` is the proxy's mode, `BENCH_SIZE` 0 to 2 picks one size,
 * `BENCH_LEGACY=1` the legacy kind of iptables, `BENCH_PROFILE` a folder for a CPU profile of the
 * proxy. The machine's own network is not used: the API and the servers are in one namespace, the
 * node in another.
 */
const SIZES = [
  { services: 1000, endpoints: 10 },
  { services: 5000, endpoints: 10 },
  { services: 5000, endpoints: 50 },
];
const MODE = process.env['BENCH_MODE'] ?? 'nftables';
const PROFILE = process.env['BENCH_PROFILE'];
const CHANGES = 200; // enough that the 99th percentile is not the maximum
const LEGACY = process.env['BENCH_LEGACY'] === '1';
const ROOT = join(import.meta.dirname, '../../../..');
const API_HOST = '10.98.0.1';
const CANARY = '10.96.0.1';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

const only = process.env['BENCH_SIZE'];
const LIMIT_MS = 600_000;

inOwnNamespace('tests/bench/scale.test.ts', define, SIZES.length * LIMIT_MS);

function define(): void {
  beforeAll(() => {
    execFileSync('nx', ['run', '@nodeagent/kube-proxy-app:build'], { cwd: ROOT });
  }, LIMIT_MS);
  const sizes = SIZES.filter((_, i) => only === undefined || only === String(i));
  it.each(sizes)('$services × $endpoints', { timeout: LIMIT_MS }, measure);
}

async function measure(size: Size): Promise<void> {
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
  const changesCpuMs: number[] = [];
  for (let i = 0; i < CHANGES; i += 1) {
    const [name, port] = i % 2 === 0 ? (['second', second] as const) : (['first', first] as const);
    const askedMs = performance.now();
    const cpuBeforeMs = cpuOf(proxy.pid);
    const answered = client.until(name);
    api.moveCanary(port);
    await answered;
    changesMs.push(performance.now() - askedMs);
    await new Promise((resolve) => setTimeout(resolve, 100));
    changesCpuMs.push(cpuOf(proxy.pid) - cpuBeforeMs);
  }
  const at = (part: number): string => percentile(changesMs, part).toFixed(1);
  const perChangeMs = changesCpuMs.reduce((sum, ms) => sum + ms, 0) / CHANGES;
  const rssMiB = rssOf(proxy.pid);
  const toolMs = proxy.restoresMs().slice(-CHANGES);
  const cpuMs = startCpuMs.toFixed(0);
  console.log(
    `${MODE} ${size.services} × ${size.endpoints}: first connection after ${startMs.toFixed(0)} ms (CPU ${cpuMs} ms); ` +
      `one change ${at(0.5)} ms p50, ${at(0.99)} ms p99, ${at(1)} ms at most ` +
      `(CPU ${perChangeMs.toFixed(1)} ms); RSS ${rssMiB.now} MiB, peak ${rssMiB.peak}`,
  );
  if (MODE === 'iptables') {
    const tool = percentile(toolMs, 0.5);
    const ratio = (percentile(changesMs, 0.5) / tool).toFixed(2);
    const longest = Math.max(...proxy.restoresMs());
    console.log(
      `iptables-restore${LEGACY ? ', legacy' : ''}: ${tool.toFixed(1)} ms p50 at a change, ratio ${ratio}; ` +
        `${longest.toFixed(0)} ms the longest`,
    );
  }
  expect(changesMs).toHaveLength(CHANGES);
}

/**
 * Connects the node by a cable to the namespace of this file, so that the machine's own network is
 * not used.
 */
async function network(): Promise<Netns> {
  const node = await createNetns();
  cleanups.push(() => node.remove());
  const far = { netns: node, device: 'eth0', addresses: ['10.98.0.2/24'] };
  await thisNetns().connect('world', [`${API_HOST}/24`], far);
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

type BenchedProxy = TestProcess & Readonly<{ restoresMs: () => readonly number[] }>;

async function startProxy(node: Netns, url: string): Promise<BenchedProxy> {
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
  const times = MODE === 'iptables' ? await timedRestores(node, folder) : () => [];
  const program = join(ROOT, 'dist/bin/kube-proxy');
  const proxy = await startProcess({
    argv: [...node.enter, program, '--config', config, '--hostname-override', 'node-a'],
    env: {
      NODEAGENT_NODE: process.execPath,
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      ...(PROFILE !== undefined && { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${PROFILE}` }),
    },
    logFile: join(folder, 'proxy.log'),
  });
  cleanups.push(() => proxy.stop());
  return Object.assign(proxy, { restoresMs: times });
}

/**
 * Puts scripts in front of the real programs that record how long a restore takes. A hint chain of
 * the kubelet makes the proxy choose the legacy kind.
 *
 * @returns the scripts' folder, and the recorded milliseconds in order
 */
async function timedRestores(node: Netns, folder: string) {
  const times = join(folder, 'restores');
  writeFileSync(times, '');
  if (LEGACY) {
    for (const program of ['iptables-legacy', 'ip6tables-legacy']) {
      await node.run([program, '-t', 'mangle', '-N', 'KUBE-IPTABLES-HINT']);
    }
  }
  for (const kind of ['', '-nft', '-legacy']) {
    const name = `iptables${kind}-restore`;
    const real = `/usr/sbin/${name}`;
    const script = `#!/bin/bash
a=$EPOCHREALTIME
${real} "$@"
code=$?
b=$EPOCHREALTIME
echo $(( (\${b/./} - \${a/./}) )) >> ${times}
exit $code
`;
    writeFileSync(join(folder, name), script, { mode: 0o755 });
  }
  return () =>
    readFileSync(times, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Number(line) / 1000);
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
}

/** Returns user and system time so far; clock ticks are 10 ms. */
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

/** A client on the node, in a process of its own. */
class Client {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;

  constructor(node: Netns) {
    const script = join(import.meta.dirname, 'client.mjs');
    const [program, ...args] = [...node.enter, process.execPath, script];
    this.#child = spawn(program, args);
    this.#lines = createInterface({ input: this.#child.stdout });
    cleanups.push(() => this.#child.stdin.end());
  }

  async until(wanted: string): Promise<void> {
    this.#child.stdin.write(`${JSON.stringify({ host: CANARY, port: 80, wanted })}\n`);
    await once(this.#lines, 'line');
  }
}
