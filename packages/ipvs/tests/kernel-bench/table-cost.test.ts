import { readFileSync } from 'node:fs';

import { createSystemClock } from '@nodeagent/base/system';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { countSocket, noCounts, type SocketCounts } from '@nodeagent/netlink-codec/testing';
import { runCommand } from '@nodeagent/testbed';
import { expect, it } from 'vitest';

import {
  defineDestination,
  diff,
  KernelIpvs,
  parseSave,
  readTable,
  Reconciler,
  renderSave,
  type VirtualServer,
} from '../../src/index.js';
import { readProcTable } from '../../src/netlink.js';

const SERVICES = 1000;
const DESTINATIONS = 10;
const ROUNDS = 5;
const SIZE = `${SERVICES} × ${DESTINATIONS}`;

const TABLE = Array.from({ length: SERVICES }, (_, n) => {
  const name = `-t 10.96.${n >> 8}.${n & 255}:80`;
  const servers = Array.from({ length: DESTINATIONS }, (_, i) => {
    return `-a ${name} -r 10.${1 + i}.${n >> 8}.${n & 255}:8080 -m -w 1\n`;
  });
  return `-A ${name} -s rr\n${servers.join('')}`;
}).join('');

const clock = createSystemClock();
const counts = noCounts();
const openCounted = (): KernelIpvs =>
  new KernelIpvs({
    open: () => countSocket(openNetlinkSocket({ protocol: PROTOCOL.generic }), counts),
    clock,
    readProcTable,
  });

/** Deleted destinations slow new ones down for two minutes; unloading the module clears them. */
async function freshKernel(): Promise<void> {
  await runCommand(['ipvsadm', '-C']);
  const loaded = readFileSync('/proc/modules', 'utf8').match(/^ip_vs\w*/gm) ?? [];
  await runCommand(['rmmod', ...loaded.filter((name) => name !== 'ip_vs'), 'ip_vs']);
  await runCommand(['modprobe', '-a', 'ip_vs', 'ip_vs_rr']);
}

async function measured(what: () => Promise<unknown>): Promise<SocketCounts & { ms: number }> {
  Object.assign(counts, noCounts());
  const startMs = performance.now();
  await what();
  return { ...counts, ms: performance.now() - startMs };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

function report(what: string, { sends, receives, dumps, ms }: SocketCounts & { ms: number }): void {
  const calls = `${sends} sends, ${receives} receives, ${dumps} dumps`;
  console.log(`${what}: ${calls}, ${ms.toFixed(1)} ms`);
}

it('measures the cost of a large table next to ipvsadm -R', async () => {
  const wanted = parseSave(TABLE);
  const operations = diff(wanted, []);
  const spent = { apply: [] as number[], sync: [] as number[], theirs: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const kind of ['apply', 'sync'] as const) {
      await freshKernel();
      const ipvs = openCounted();
      await ipvs.info();
      const cost = await measured(() =>
        kind === 'apply' ? ipvs.apply(operations) : new Reconciler({ ipvs, clock }).sync(wanted),
      );
      spent[kind].push(cost.ms);
      if (round === 0) report(`${SIZE}, ${kind} for the first time in this process`, cost);
      ipvs.close();
    }
    await freshKernel();
    const startMs = performance.now();
    await runCommand(['ipvsadm', '-R'], { input: TABLE });
    spent.theirs.push(performance.now() - startMs);
  }
  const their = median(spent.theirs);
  for (const kind of ['apply', 'sync'] as const) {
    const our = median(spent[kind]);
    const ratio = `ipvsadm -R ${their.toFixed(0)} ms, ratio ${(our / their).toFixed(3)}`;
    console.log(`${SIZE}, ${kind}: ${our.toFixed(0)} ms, ${ratio} (medians of ${ROUNDS})`);
  }

  const ipvs = openCounted();
  const lines = (text: string): readonly string[] => text.trimEnd().split('\n').sort();
  expect(lines(renderSave(await readTable(ipvs)))).toEqual(lines(TABLE));
  const reconciler = new Reconciler({ ipvs, clock, drain: {} });
  report('resync after a restart', await measured(() => reconciler.sync(wanted)));
  const added = defineDestination({ address: '10.99.0.1', port: 8080, forwarding: 'masquerade' });
  const more: readonly VirtualServer[] = wanted.map((server, n) =>
    n === 7 ? { ...server, destinations: [...server.destinations, added] } : server,
  );
  report('one destination more', await measured(() => reconciler.sync(more)));
  report('one destination less', await measured(() => reconciler.sync(wanted)));
  report('no-op resync', await measured(() => reconciler.sync(wanted)));
  const full = await measured(() => reconciler.sync(wanted, { verify: true }));
  report('no-op resync that looks at every destination', full);
  expect(full.dumps).toBe(1);
  ipvs.close();
});
