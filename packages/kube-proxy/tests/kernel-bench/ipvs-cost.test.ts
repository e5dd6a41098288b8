import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { readProcTable } from '@nodeagent/ipvs/netlink';
import { type CommandRunner, probeIptables } from '@nodeagent/netfilter';
import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { countSocket, noCounts } from '@nodeagent/netlink-codec/testing';
import { runCommand } from '@nodeagent/testbed';
import { expect, it } from 'vitest';

import { restoreFailuresCounter } from '../../src/model/iptables-metrics.js';
import { nodePortAddresses } from '../../src/model/node-ports.js';
import { IpvsBackend } from '../../src/run/ipvs/backend.js';
import { createNetlinkAccess } from '../../src/run/ipvs/netlink-access.js';
import { aCluster, aService, aSlice } from '../../src/testing/index.js';
import { baseSettings } from '../golden/examples.js';

const signal = new AbortController().signal;
const port = { port: 80, protocol: 'TCP', name: 'http' };
const SERVICES = 1000;
const ENDPOINTS = 10;

const counts = { generic: noCounts(), netfilter: noCounts(), route: noCounts(), programs: 0 };
const clock = createSystemClock();
const netlink = createNetlinkAccess({
  openNetlink: async (protocol) =>
    countSocket(openNetlinkSocket({ protocol: PROTOCOL[protocol] }), counts[protocol]),
  clock,
  readIpvsTable: readProcTable,
});
const spawn = createSpawnRunner();
const commands: CommandRunner = {
  run: (command, inner) => {
    counts.programs += 1;
    return spawn.run(command, inner);
  },
};

async function measured(what: string, work: () => Promise<unknown>): Promise<number> {
  for (const kind of ['generic', 'netfilter', 'route'] as const) {
    Object.assign(counts[kind], noCounts());
  }
  counts.programs = 0;
  const startMs = performance.now();
  await work();
  const ms = performance.now() - startMs;
  const { generic, netfilter, route, programs } = counts;
  const [sends, receives] = (['sends', 'receives'] as const).map(
    (kind) => generic[kind] + netfilter[kind] + route[kind],
  );
  console.log(
    `${what}: ${generic.dumps} dumps of IPVS, ${sends} sends and ${receives} receives in all, ` +
      `${programs} programs, ${ms.toFixed(0)} ms`,
  );
  return ms;
}

const endpoints = (n: number, count = ENDPOINTS): string[] =>
  Array.from({ length: count }, (_, i) => `10.${1 + i}.${n >> 8}.${n & 255}`);

it('measures the cost of ipvs mode with many Services', async () => {
  const { iptables } = await probeIptables(commands, { family: 'IPv4' }, signal);
  const metrics = new MemoryMetrics();
  const backend = new IpvsBackend({
    ...netlink,
    iptables,
    settings: { ...baseSettings, scheduler: 'rr', nodeIp: undefined },
    nodePortAddresses: nodePortAddresses('IPv4', []),
    excludeCidrs: [],
    syncPeriodMs: 30_000,
    clock,
    log: new MemoryLogger(),
    restoreFailures: restoreFailuresCounter(metrics),
    problems: { set: () => undefined },
  });
  const name = (n: number): string => `default/svc-${n}`;
  const objects = Array.from({ length: SERVICES }, (_, n) => [
    aService(name(n), { clusterIP: `172.30.${n >> 8}.${n & 255}`, ports: [port] }),
    aSlice(name(n), [port], endpoints(n)),
  ]);
  const { builder, put } = aCluster(objects.flat());
  const sync = () => backend.sync(builder.view, builder.update(), signal);
  const first = builder.update();
  await measured(`${SERVICES} × ${ENDPOINTS}, first sync`, () =>
    backend.sync(builder.view, first, signal),
  );
  put(aSlice(name(7), [port], endpoints(7, ENDPOINTS + 1)));
  await measured('one endpoint more', sync);
  put(aSlice(name(7), [port], endpoints(7)));
  await measured('one endpoint less', sync);
  await measured('no-op sync', sync);
  backend.requestFull();
  await measured('no-op resync of everything', sync);
  expect(counts.generic.dumps).toBe(1);
  const saved = await runCommand(['ipvsadm', '-S', '-n']);
  expect(saved.split('\n').filter((line) => line.startsWith('-a '))).toHaveLength(
    SERVICES * ENDPOINTS,
  );
  netlink.close();
});
