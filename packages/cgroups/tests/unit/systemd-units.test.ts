import { ManualClock } from '@nodeagent/base/testing';
import { DbusError, LastingDbus } from '@nodeagent/dbus';
import { type MemoryAnswer, MemoryBus } from '@nodeagent/dbus/testing';
import { expect, it } from 'vitest';

import { SystemdUnits } from '../../src/run/systemd-units.js';

const SYSTEMD = 'org.freedesktop.systemd1';
const MANAGER = { path: '/org/freedesktop/systemd1', interface: `${SYSTEMD}.Manager` };

function scene(answer: (member: string) => MemoryAnswer | undefined) {
  const clock = new ManualClock();
  const bus: MemoryBus = new MemoryBus({
    owners: { [SYSTEMD]: ':1.0' },
    onCall: ({ member }) => answer(member),
  });
  const dbus = new LastingDbus({ open: () => bus.open(), clock });
  return { clock, bus, dbus, units: new SystemdUnits({ dbus, clock }) };
}

const NOTHING: MemoryAnswer = { signature: '', body: [] };
const JOB: MemoryAnswer = { signature: 'o', body: ['/job/1'] };

/** Lets what was sent arrive. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 500; turn += 1) await Promise.resolve();
}

it('a reload is heard though the connection was lost while it was opened again', async () => {
  let subscribed = 0;
  const reloads: string[] = [];
  const { bus, dbus, units, clock } = scene((member) => {
    if (member !== 'Subscribe') return NOTHING;
    subscribed += 1;
    if (subscribed === 1 || subscribed > 4) return NOTHING;
    bus.drop();
    return undefined;
  });
  const stop = new AbortController();
  const kept = dbus.keepOpen(stop.signal, () => undefined);
  await units.onReload(() => reloads.push('reload'));
  bus.drop();
  await clock.advance(60_000);
  expect(subscribed).toBeGreaterThan(4);
  reloads.length = 0;
  bus.emit({ sender: SYSTEMD, ...MANAGER, member: 'Reloading', signature: 'b', body: [true] });
  bus.emit({ sender: SYSTEMD, ...MANAGER, member: 'Reloading', signature: 'b', body: [false] });
  expect(reloads).toEqual(['reload']);
  stop.abort();
  await kept;
});

it('a job that does not end is an error', async () => {
  const { units, clock } = scene((member) => (member === 'StopUnit' ? JOB : NOTHING));
  const failed = expect(units.stop('a.slice')).rejects.toMatchObject({
    code: 'CGROUP_UNIT_FAILED',
    message: 'StopUnit of a.slice did not end within 30000 ms',
  });
  await clock.advance(30_000);
  await failed;
});

it('a job whose end was missed is over when the connection is open again', async () => {
  const { units, clock, bus } = scene((member) => (member === 'StopUnit' ? JOB : NOTHING));
  const stopped = units.stop('a.slice');
  await settled();
  bus.drop();
  await clock.advance(1000);
  await stopped;
});

it('what systemd refuses is its own error, but for a unit that is gone', async () => {
  let name = `${SYSTEMD}.NoSuchUnit`;
  const { units } = scene((member) => {
    if (member === 'Subscribe') return NOTHING;
    throw new DbusError('DBUS_REFUSED', 'no', { errorName: name });
  });
  await units.stop('a.slice');
  name = 'org.freedesktop.DBus.Error.AccessDenied';
  await expect(units.stop('a.slice')).rejects.toMatchObject({ errorName: name });
});
