import { createSystemClock } from '@nodeagent/base/system';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { countSocket, noCounts } from '@nodeagent/netlink-codec/testing';
import { runCommand } from '@nodeagent/testbed';
import { beforeEach, expect, it, onTestFinished } from 'vitest';

import { KernelIpvs, parseSave, Reconciler, type VirtualServer } from '../../src/index.js';
import { readProcTable } from '../../src/netlink.js';

const SERVICES = 300;
const DESTINATIONS = 3;
/** Operations in one datagram. */
const AT_ONCE = 128;

const address = (n: number): string => `10.96.${n >> 8}.${n & 255}`;
const wanted = (more = ''): readonly VirtualServer[] =>
  parseSave(
    Array.from({ length: SERVICES }, (_, n) => {
      const name = `-t ${address(n)}:80`;
      const servers = Array.from({ length: DESTINATIONS }, (__, i) => {
        return `-a ${name} -r 10.${1 + i}.${n >> 8}.${n & 255}:8080 -m\n`;
      });
      return `-A ${name} -s rr\n${servers.join('')}`;
    }).join('') + more,
  );

const counts = noCounts();
let reconciler: Reconciler;
beforeEach(async () => {
  await runCommand(['ipvsadm', '-C']);
  const clock = createSystemClock();
  const ipvs = new KernelIpvs({
    open: () => countSocket(openNetlinkSocket({ protocol: PROTOCOL.generic }), counts),
    clock,
    readProcTable,
  });
  onTestFinished(() => ipvs.close());
  await ipvs.info();
  reconciler = new Reconciler({ ipvs, clock, drain: {} });
});

const costOf = async (sync: () => Promise<unknown>) => {
  Object.assign(counts, noCounts());
  await sync();
  const { sends, dumps, messages } = counts;
  return { sends, dumps, messages };
};

it('writes a whole table with few system calls', async () => {
  const operations = SERVICES * (1 + DESTINATIONS);
  expect(await costOf(() => reconciler.sync(wanted()))).toEqual({
    sends: 1 + Math.ceil(operations / AT_ONCE),
    dumps: 1,
    messages: 1 + operations,
  });
  expect(counts.receives).toBeLessThan(4 * counts.sends);
});

it('finds with one dump that nothing differs, destinations included', async () => {
  await reconciler.sync(wanted());
  const oneDump = { sends: 1, dumps: 1, messages: 1 };
  expect(await costOf(() => reconciler.sync(wanted()))).toEqual(oneDump);
  expect(await costOf(() => reconciler.sync(wanted(), { verify: true }))).toEqual(oneDump);
});

it('sends only the differences, and reads only services that lose a destination', async () => {
  await reconciler.sync(wanted());
  const more = `-a -t ${address(7)}:80 -r 10.99.0.1:8080 -m\n`;
  const added = await costOf(() => reconciler.sync(wanted(more)));
  expect(added).toEqual({ sends: 2, dumps: 1, messages: 2 });
  const removed = await costOf(() => reconciler.sync(wanted()));
  expect(removed).toEqual({ sends: 3, dumps: 2, messages: 3 });
});

it('reads only services whose destinations other programs changed', async () => {
  await reconciler.sync(wanted());
  const server = ['-t', `${address(299)}:80`, '-r', '10.1.1.43:8080'];
  await runCommand(['ipvsadm', '-e', ...server, '-m', '-w', '7']);
  await runCommand(['ipvsadm', '-d', '-t', `${address(0)}:80`, '-r', '10.3.0.0:8080']);
  const repaired = await costOf(() => reconciler.sync(wanted(), { verify: true }));
  expect(repaired).toEqual({ sends: 4, dumps: 3, messages: 5 });
  const saved = (await runCommand(['ipvsadm', '-S', '-n'])).split('\n');
  expect(saved).toContain(`-a ${server.join(' ')} -m -w 1`);
  expect(saved).toContain(`-a -t ${address(0)}:80 -r 10.3.0.0:8080 -m -w 1`);
});
