import { ManualClock } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import { formatOperation, IpvsError, parseSave, Reconciler } from '../../src/index.js';
import { MemoryIpvs } from '../../src/testing/index.js';

const id = { kind: 'address', protocol: 'tcp', address: '10.0.0.1', port: 80 } as const;
const table = (...servers: readonly number[]) =>
  parseSave(
    `-A -t 10.0.0.1:80 -s rr\n${servers.map((n) => `-a -t 10.0.0.1:80 -r 10.1.0.${n} -m\n`).join('')}`,
  );

function aReconciler(options: { maxMs?: number } = {}) {
  const ipvs = new MemoryIpvs();
  const clock = new ManualClock();
  const reconciler = new Reconciler({ ipvs, clock, drain: options });
  return { ipvs, clock, reconciler };
}

const weights = async (ipvs: MemoryIpvs) =>
  (await ipvs.listDestinations(id)).map(({ address, weight }) => `${address} ${weight}`);

it('costs one dump of the services when nothing differs', async () => {
  const { ipvs, reconciler } = aReconciler();
  const desired = table(1, 2);
  await reconciler.sync(desired);
  ipvs.calls.listServices = 0;
  ipvs.calls.listDestinations = 0;
  expect(await reconciler.sync(desired)).toEqual([]);
  expect(await reconciler.sync(table(1, 2))).toEqual([]);
  expect(ipvs.calls).toMatchObject({ listServices: 2, listDestinations: 0 });
});

it('reads destinations only of services that lose one', async () => {
  const { ipvs, reconciler } = aReconciler();
  await reconciler.sync(table(1, 2));
  expect((await reconciler.sync(table(1, 2, 3))).map(formatOperation)).toEqual([
    'add-destination tcp 10.0.0.1:80 → 10.1.0.3:80',
  ]);
  expect(ipvs.calls.listDestinations).toBe(0);
  await reconciler.sync(table(1, 3));
  expect(ipvs.calls.listDestinations).toBe(1);
  expect(await weights(ipvs)).toEqual(['10.1.0.1 1', '10.1.0.3 1']);
});

it('drains a destination that has connections, and takes it back', async () => {
  const { ipvs, reconciler } = aReconciler();
  await reconciler.sync(table(1, 2));
  ipvs.setConnections(id, '10.1.0.2:80', 1);
  await reconciler.sync(table(1));
  expect(await weights(ipvs)).toEqual(['10.1.0.1 1', '10.1.0.2 0']);
  expect(await reconciler.drain()).toBe(1);
  await reconciler.sync(table(1, 2));
  expect(await weights(ipvs)).toEqual(['10.1.0.1 1', '10.1.0.2 1']);
  expect(reconciler.draining).toBe(0);
});

it('deletes a drained destination once it is idle', async () => {
  const { ipvs, reconciler } = aReconciler();
  await reconciler.sync(table(1, 2));
  ipvs.setConnections(id, '10.1.0.2:80', 0, 1);
  await reconciler.sync(table(1));
  ipvs.setConnections(id, '10.1.0.2:80', 0, 0);
  expect(await reconciler.drain()).toBe(0);
  expect(await weights(ipvs)).toEqual(['10.1.0.1 1']);
});

it('deletes a draining destination when its time is over', async () => {
  const { ipvs, clock, reconciler } = aReconciler({ maxMs: 5000 });
  await reconciler.sync(table(1, 2));
  ipvs.setConnections(id, '10.1.0.2:80', 1);
  await reconciler.sync(table(1));
  await clock.advance(4999);
  expect(await reconciler.drain()).toBe(1);
  await clock.advance(1);
  expect(await reconciler.drain()).toBe(0);
  expect(await weights(ipvs)).toEqual(['10.1.0.1 1']);
});

it('raises the weights that an earlier process left at 0', async () => {
  const { ipvs, reconciler } = aReconciler();
  await new Reconciler({ ipvs, clock: new ManualClock(), drain: {} }).sync(table(1));
  ipvs.setConnections(id, '10.1.0.1:80', 1);
  await new Reconciler({ ipvs, clock: new ManualClock(), drain: {} }).sync(table());
  expect(await weights(ipvs)).toEqual(['10.1.0.1 0']);
  await reconciler.sync(table(1));
  expect(await weights(ipvs)).toEqual(['10.1.0.1 1']);
});

it('reads uncertain parts again after a failure', async () => {
  const { ipvs, reconciler } = aReconciler();
  await reconciler.sync(table(1));
  const apply = ipvs.apply.bind(ipvs);
  ipvs.apply = async (operations) => {
    ipvs.apply = apply;
    await apply(operations.slice(0, 1));
    throw new IpvsError('IPVS_REPLIES_LOST', 'lost');
  };
  await expect(reconciler.sync(table(1, 2, 3))).rejects.toMatchObject({
    code: 'IPVS_REPLIES_LOST',
  });
  await reconciler.sync(table(1, 2, 3));
  expect(await weights(ipvs)).toHaveLength(3);
});

it('restores what others removed: services at once, destinations with verify', async () => {
  const { ipvs, reconciler } = aReconciler();
  const desired = table(1, 2);
  await reconciler.sync(desired);
  await ipvs.apply([
    { kind: 'delete-destination', id, destination: { address: '10.1.0.1', port: 80 } },
  ]);
  expect(await reconciler.sync(desired)).toEqual([]);
  expect(await reconciler.sync(desired, { verify: true })).toHaveLength(1);
  await ipvs.apply([{ kind: 'flush' }]);
  expect(await reconciler.sync(desired)).toHaveLength(3);
});

const tables = (...counts: readonly number[]) =>
  parseSave(
    counts
      .map((count, n) => {
        const name = `-t 10.0.1.${n}:80`;
        const servers = Array.from(
          { length: count },
          (_, i) => `-a ${name} -r 10.1.${n}.${i} -m\n`,
        );
        return `-A ${name} -s rr\n${servers.join('')}`;
      })
      .join(''),
  );

it('reads only the services whose outline differs', async () => {
  const { ipvs, reconciler } = aReconciler();
  const desired = tables(2, 3, 0, 1);
  await reconciler.sync(desired);
  ipvs.calls.listDestinations = 0;
  expect(await reconciler.sync(desired, { verify: true })).toEqual([]);
  expect(ipvs.calls).toMatchObject({ outline: 1, listDestinations: 0 });
  const [, second, third] = desired.map(({ service }) => service.id);
  const destination = desired[1]!.destinations[0]!;
  await ipvs.apply([
    { kind: 'update-destination', id: second!, destination: { ...destination, weight: 0 } },
    { kind: 'add-destination', id: third!, destination: { ...destination, address: '10.1.9.9' } },
  ]);
  expect((await reconciler.sync(desired, { verify: true })).map(formatOperation)).toEqual([
    'update-destination tcp 10.0.1.1:80 → 10.1.1.0:80 (weight 0 → 1)',
    'delete-destination tcp 10.0.1.2:80 → 10.1.9.9:80',
  ]);
  expect(ipvs.calls).toMatchObject({ outline: 2, listDestinations: 2 });
});

it('reads the destinations of each service when there is no outline', async () => {
  const { ipvs, reconciler } = aReconciler();
  const desired = tables(2, 3, 1);
  await reconciler.sync(desired);
  ipvs.outline = async () => undefined;
  ipvs.calls.listDestinations = 0;
  expect(await reconciler.sync(desired, { verify: true })).toEqual([]);
  expect(ipvs.calls.listDestinations).toBe(3);
});

it('deletes services that are no longer wanted', async () => {
  const { ipvs, reconciler } = aReconciler();
  await reconciler.sync(table(1));
  await reconciler.sync([]);
  expect(await ipvs.listServices()).toEqual([]);
  expect(await reconciler.sync(table(1))).toHaveLength(2);
});
