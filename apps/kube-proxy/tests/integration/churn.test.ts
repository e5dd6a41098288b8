import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

import { ENDPOINT_SLICES, SERVICES } from '@nodeagent/kube-client';
import { aService, aSlice } from '@nodeagent/kube-proxy/testing';
import { ifStarted, runCommand, type TestProcess, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { inOwnNamespace } from '../../../../vitest.namespace.js';
import { createWorld, type World } from './world.js';

/**
 * 500 changes of endpoints a second, under real connections, while the table is flushed, the proxy
 * killed and the API unavailable. `NODEAGENT_CHURN_SECONDS=600` is the long run, which allows no
 * client to be sent to an endpoint that has been gone for more than a second. The short run works
 * on machines of any speed and allows five seconds.
 */
const ASKED = process.env['NODEAGENT_CHURN_SECONDS'];
const SECONDS = Number(ASKED ?? 12);
const GRACE_MS = ASKED === undefined ? 5000 : 1000;

const COUNT = 40;
const IPS = Array.from({ length: 24 }, (_, i) => `10.99.1.${i + 1}`);
const PORTS = [
  { name: 'tcp', port: 8080, protocol: 'TCP' },
  { name: 'udp', port: 5353, protocol: 'UDP' },
];
const CHANGES_PER_TICK = 10;
const TICK_MS = 20;

let world: World;
let proxy: TestProcess;
const servers: { close(): unknown }[] = [];

inOwnNamespace(
  'tests/integration/churn.test.ts',
  () => {
    beforeAll(async () => {
      world = await createWorld({ mode: 'nftables', nftables: { minSyncPeriod: '100ms' } });
      for (const ip of IPS) await runCommand(['ip', 'addr', 'add', `${ip}/32`, 'dev', 'lo']);
      await serve();
    }, 300_000);

    afterAll(async () => {
      await ifStarted(proxy)?.stop();
      for (const server of servers) server.close();
      await ifStarted(world)?.remove();
    });

    it(
      'keeps up with the API through every disturbance, and sends no client to a missing endpoint',
      churn,
      (SECONDS + 300) * 1000,
    );
  },
  (SECONDS + 600) * 1000,
);

/** Answers each client with the address that it reached. */
async function serve(): Promise<void> {
  const tcp: Server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(String(socket.localAddress));
  });
  await new Promise<void>((resolve) => tcp.listen(8080, '0.0.0.0', () => resolve()));
  servers.push(tcp);
  for (const ip of IPS) {
    const udp = createSocket('udp4');
    udp.on('message', (sentMs, { address, port }) => {
      udp.send(`${ip} ${String(sentMs)}`, port, address);
    });
    await new Promise<void>((resolve) => udp.bind(5353, ip, resolve));
    servers.push(udp);
  }
}

interface Answer {
  readonly protocol: 'tcp' | 'udp';
  readonly service: number;
  readonly atMs: number;
  readonly answer: string;
}

/** The endpoints in the API, and the time at which each Service's earlier answer became wrong. */
class Model {
  readonly #endpoints = Array.from({ length: COUNT }, () => [] as string[]);
  readonly #goneAtMs = Array.from({ length: COUNT }, () => new Map<string, number>());
  /** Periods in which the proxy could not know: it was dead, or the API unavailable. */
  readonly #blind: { readonly fromMs: number; toMs: number }[] = [];

  endpointsOf(service: number): readonly string[] {
    return this.#endpoints[service] ?? [];
  }

  change(service: number, ips: readonly string[]): void {
    const gone = this.#goneAtMs[service]!;
    for (const ip of this.endpointsOf(service)) if (!ips.includes(ip)) gone.set(ip, Date.now());
    for (const ip of ips) gone.delete(ip);
    this.#endpoints[service] = [...ips];
  }

  blind(): () => void {
    const period = { fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY };
    this.#blind.push(period);
    return () => {
      period.toMs = Date.now();
    };
  }

  /**
   * Returns how long the endpoint had been gone, as far as the proxy could know, when the client
   * asked.
   */
  staleMs({ service, atMs, answer }: Answer): number {
    if (this.endpointsOf(service).includes(answer)) return 0;
    let knownMs = this.#goneAtMs[service]?.get(answer) ?? Number.NEGATIVE_INFINITY;
    for (const { fromMs, toMs } of this.#blind) {
      if (knownMs <= toMs && atMs >= fromMs) knownMs = Math.max(knownMs, toMs);
    }
    return Math.max(0, atMs - knownMs);
  }
}

async function churn(): Promise<void> {
  const model = new Model();
  for (let i = 0; i < COUNT; i += 1) {
    const ports = [
      { name: 'tcp', port: 80, protocol: 'TCP' },
      { name: 'udp', port: 53, protocol: 'UDP' },
    ];
    const spec = { clusterIP: vip(i), ports };
    world.api.objects.seed(SERVICES, aService(`default/${nameOf(i)}`, spec));
    change(model, i);
  }
  proxy = await world.start();
  await waitFor(() => isTrue(model), { what: 'the first rules', timeoutMs: 120_000 });

  const client = startClient();
  const tally = { tcp: 0, udp: 0, nothing: 0, worstMs: 0, wrong: [] as string[] };
  createInterface({ input: client.stdout! }).on('line', (line) => {
    const answer = JSON.parse(line) as Answer;
    const isNothing = answer.answer.startsWith('nothing');
    if (isNothing) tally.nothing += 1;
    else tally[answer.protocol] += 1;
    const staleMs = isNothing ? 0 : model.staleMs(answer);
    tally.worstMs = Math.max(tally.worstMs, staleMs);
    if (staleMs > GRACE_MS) tally.wrong.push(`${line} was gone for ${staleMs} ms`);
  });

  const stop = new AbortController();
  const changes = changeOn(model, stop.signal);
  const quarterMs = (SECONDS * 1000) / 4;
  await delay(quarterMs);
  await world.node.run(['nft', 'delete', 'table', 'ip', 'kube-proxy']);
  await delay(quarterMs);
  const isBack = model.blind();
  await proxy.kill9();
  await untilUnwatched();
  proxy = await world.start();
  await untilWatched();
  isBack();
  await delay(quarterMs);
  const isThere = model.blind();
  world.apiAway();
  await untilUnwatched();
  await delay(1000);
  world.api.objects.compact(); // changes made meanwhile must be listed
  await world.apiBack();
  await untilWatched();
  isThere();
  await delay(quarterMs);
  stop.abort();
  const made = await changes;

  await waitFor(() => isTrue(model), { what: 'kernel and model to agree', timeoutMs: 120_000 });
  const metrics = await world.node.run(['curl', '-sS', 'http://127.0.0.1:10249/metrics']);
  const forgotten = /conntrack_reconciler_deleted_entries_total\{ip_family="IPv4"\} (\d+)/;
  const flows = Number(forgotten.exec(metrics)?.[1] ?? 0);
  client.stdin!.end();
  await new Promise((resolve) => client.once('close', resolve));
  console.log(
    `${made} changes in ${SECONDS} s; ${tally.tcp} connections and ${tally.udp} datagrams answered, ` +
      `${tally.nothing} connections not; ${flows} stale flows forgotten; sent to an endpoint gone for ${tally.worstMs} ms at most`,
  );
  expect(tally.wrong, proxy.logTail(20)).toEqual([]);
  expect(tally.tcp).toBeGreaterThan(0);
  expect(tally.udp).toBeGreaterThan(0);
  expect(flows).toBeGreaterThan(0);
  expect(proxy.logTail(1000)).not.toContain('conntrack program');
}

const vip = (i: number): string => `10.96.0.${i + 1}`;
const nameOf = (i: number): string => `s${i}`;

/**
 * Chooses another set of endpoints. Services with even numbers, which UDP is sent to, always keep
 * one: as upstream, flows to the last endpoint stay until there is another.
 */
function change(model: Model, service: number): void {
  const least = service % 2 === 0 ? 1 : 0;
  const count = least + Math.floor(Math.random() * 5);
  const from = Math.floor(Math.random() * IPS.length);
  const ips = Array.from({ length: count }, (_, i) => IPS[(from + i * 5) % IPS.length]!);
  world.api.objects.seed(ENDPOINT_SLICES, aSlice(`default/${nameOf(service)}`, PORTS, ips));
  model.change(service, ips);
}

/** @returns the number of changes */
async function changeOn(model: Model, signal: AbortSignal): Promise<number> {
  const startedMs = performance.now();
  let made = 0;
  while (!signal.aborted) {
    const due = ((performance.now() - startedMs) / TICK_MS) * CHANGES_PER_TICK;
    for (; made < due; made += 1) change(model, Math.floor(Math.random() * COUNT));
    if (made % 5000 >= 4990) world.api.objects.compact(); // the history is in memory
    await delay(TICK_MS);
  }
  return made;
}

/**
 * Waits until the proxy's watches of Services, slices, nodes and ranges are served: from then on it
 * knows of changes.
 */
async function untilWatched(): Promise<void> {
  const what = 'the proxy to watch the API';
  await waitFor(() => world.api.objects.watches >= 4, { what, timeoutMs: 120_000 });
}

async function untilUnwatched(): Promise<void> {
  await waitFor(() => world.api.objects.watches === 0, { what: 'the watches to end' });
}

function startClient(): ChildProcess {
  const script = join(import.meta.dirname, 'churn-client.mjs');
  const [program, ...args] = [...world.node.enter, process.execPath, script, String(COUNT)];
  return spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** True when the kernel's maps agree with the model, without other elements. */
async function isTrue(model: Model): Promise<boolean> {
  const wanted = new Set<string>();
  for (let i = 0; i < COUNT; i += 1) {
    const ips = model.endpointsOf(i);
    for (const [protocol, port, to] of [
      ['tcp', 80, 8080],
      ['udp', 53, 5353],
    ] as const) {
      const front = `${vip(i)} ${protocol} ${port}`;
      wanted.add(ips.length === 0 ? `${front} none` : `${front} goto any-${ips.length}`);
      for (const ip of ips) wanted.add(`${front} ${ip} ${to}`);
    }
  }
  const found = [...(await list('service-ips')), ...(await list('endpoints'))];
  const refused = (await list('no-endpoint-services')).map((text) =>
    text.replace(/goto .*/, 'none'),
  );
  const all = [...found, ...refused];
  return all.length === wanted.size && all.every((text) => wanted.has(text));
}

type Part = string | number | Readonly<{ concat?: Part[]; goto?: { target: string } }>;

/**
 * Lists elements as text, without their number among the endpoints, which the proxy may choose
 * freely.
 */
async function list(map: string): Promise<string[]> {
  const argv = ['nft', '-j', 'list', 'map', 'ip', 'kube-proxy', map];
  const { exitCode, stdout } = await world.node.try(argv);
  if (exitCode !== 0) return [];
  const { nftables } = JSON.parse(stdout) as {
    nftables: readonly { map?: { elem?: readonly [Part, Part][] } }[];
  };
  const flat = (part: Part): (string | number)[] => {
    if (typeof part !== 'object') return [part];
    return part.goto === undefined ? (part.concat ?? []).flatMap(flat) : ['goto', part.goto.target];
  };
  return nftables.flatMap(({ map: found }) =>
    (found?.elem ?? []).map(([key, value]) => [...flat(key).slice(0, 3), ...flat(value)].join(' ')),
  );
}
