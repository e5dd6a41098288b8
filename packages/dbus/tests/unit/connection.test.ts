import { ManualClock } from '@nodeagent/base/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

import {
  type DbusCall,
  DbusError,
  type DbusLimits,
  type DbusSignal,
  encodeMessage,
  isDbusRefusal,
  LastingDbus,
} from '../../src/index.js';
import { type MemoryAnswer, MemoryBus } from '../../src/testing/index.js';

const ECHO: DbusCall = {
  ...{ destination: 'org.example', path: '/org/example', interface: 'org.example.Echo' },
  ...{ member: 'Say', signature: 's', body: ['hello'] },
};

const TICK = {
  sender: 'org.example',
  path: '/org/example',
  interface: 'org.example.Echo',
  member: 'Tick',
};

function answer({ member, body = [] }: DbusCall): MemoryAnswer | undefined {
  if (member === 'Silence') return undefined;
  if (member === 'Say') return { signature: 's', body };
  throw new DbusError('DBUS_REFUSED', 'no', { errorName: 'org.example.No' });
}

function scene(limits: DbusLimits = {}) {
  const clock = new ManualClock();
  const bus = new MemoryBus({ owners: { 'org.example': ':1.1' }, onCall: answer });
  const dbus = new LastingDbus({ open: () => bus.open(), clock, ...limits });
  onTestFinished(() => dbus.close());
  return { clock, bus, dbus };
}

/** Lets what was sent arrive. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

describe('a call', () => {
  it('gets the values of its answer', async () => {
    const { dbus } = scene();
    expect(await dbus.call(ECHO)).toEqual(['hello']);
  });

  it('gets the answer that is its own, whichever comes first', async () => {
    const { dbus } = scene();
    const words = ['a', 'b', 'c'];
    const said = await Promise.all(words.map((word) => dbus.call({ ...ECHO, body: [word] })));
    expect(said).toEqual([['a'], ['b'], ['c']]);
  });

  it('is refused with the name of the error', async () => {
    const { dbus } = scene();
    const refused: unknown = await dbus.call({ ...ECHO, member: 'Other' }).catch((e: unknown) => e);
    expect(refused).toMatchObject({ code: 'DBUS_REFUSED', message: 'org.example.Echo.Other: no' });
    expect(isDbusRefusal(refused, 'org.example.No')).toBe(true);
    expect(isDbusRefusal(refused, 'org.example.Yes')).toBe(false);
  });

  it('ends when no answer comes in time', async () => {
    const { dbus, clock } = scene({ callTimeoutMs: 1000 });
    await dbus.call(ECHO);
    const late = expect(dbus.call({ ...ECHO, member: 'Silence' })).rejects.toMatchObject({
      code: 'DBUS_TIMEOUT',
    });
    await clock.advance(1000);
    await late;
    expect(await dbus.call(ECHO)).toEqual(['hello']);
    expect(clock.sleeping).toBe(0);
  });

  it('that cannot be sent harms no other', async () => {
    const { dbus, bus } = scene();
    await expect(dbus.call({ ...ECHO, body: [1] })).rejects.toMatchObject({ code: 'DBUS_VALUE' });
    expect(await dbus.call(ECHO)).toEqual(['hello']);
    expect(bus.opened).toBe(1);
  });

  it('is refused when too many wait', async () => {
    const { dbus } = scene({ maxPending: 4 }); // 3 of the registration are over
    await dbus.call(ECHO);
    const waiting = [1, 2, 3, 4].map(() => dbus.call({ ...ECHO, member: 'Silence' }));
    for (const each of waiting) each.catch(() => undefined);
    await settled();
    await expect(dbus.call(ECHO)).rejects.toMatchObject({ code: 'DBUS_BUSY' });
  });
});

describe('a connection that ends', () => {
  it('ends the calls that wait, and is opened again by the next', async () => {
    const { dbus, bus } = scene();
    await dbus.call(ECHO);
    const lost = expect(dbus.call({ ...ECHO, member: 'Silence' })).rejects.toMatchObject({
      code: 'DBUS_CLOSED',
    });
    await settled();
    bus.drop();
    await lost;
    expect(await dbus.call(ECHO)).toEqual(['hello']);
    expect(bus.opened).toBe(2);
  });

  const cut = encodeMessage({ ...ECHO, type: 'call', serial: 1, signature: 's', body: ['x'] });
  const large = Buffer.from(cut);
  large.writeUInt32LE(0x7fff_ffff, 4);
  it.each([
    ['no message', Buffer.alloc(64, 0xff), 'DBUS_MALFORMED'],
    ['an enormous message', large, 'DBUS_TOO_LARGE'],
    ['an answer without what it answers', Buffer.from(cut).fill(2, 1, 2), 'DBUS_MALFORMED'],
  ])('because it sent %s ends them, too', async (_, bytes, code) => {
    const { dbus, bus } = scene();
    await dbus.call(ECHO);
    const lost = expect(dbus.call({ ...ECHO, member: 'Silence' })).rejects.toMatchObject({ code });
    await settled();
    bus.sendRaw(bytes);
    await lost;
    expect(await dbus.call(ECHO)).toEqual(['hello']);
  });

  it('is kept open for signals, which continue', async () => {
    const { dbus, bus, clock } = scene();
    const stop = new AbortController();
    const ticks: DbusSignal[] = [];
    const opened: string[] = [];
    const errors: unknown[] = [];
    dbus.onOpen(() => opened.push('again'));
    await dbus.subscribe(TICK, (signal) => ticks.push(signal));
    const kept = dbus.keepOpen(stop.signal, (error) => errors.push(error));
    await settled();
    bus.drop();
    await clock.advance(1000);
    bus.emit({ ...TICK, signature: 'u', body: [2] });
    expect(ticks).toMatchObject([{ body: [2] }]);
    expect(opened).toEqual(['again']);
    expect(errors).toMatchObject([{ code: 'DBUS_CLOSED' }]);
    stop.abort();
    await kept;
  });

  it('stays closed when the client was closed', async () => {
    const { dbus } = scene();
    await dbus.call(ECHO);
    dbus.close();
    await expect(dbus.call(ECHO)).rejects.toMatchObject({ code: 'DBUS_CLOSED' });
  });
});

describe('a subscription', () => {
  it('hears its signals until it is given up', async () => {
    const { dbus, bus } = scene();
    const ticks: DbusSignal[] = [];
    const leave = await dbus.subscribe(TICK, (signal) => ticks.push(signal));
    bus.emit({ ...TICK, signature: 'u', body: [1] });
    bus.emit({ ...TICK, member: 'Tock', signature: 'u', body: [2] });
    leave();
    bus.emit({ ...TICK, signature: 'u', body: [3] });
    expect(ticks.map(({ body }) => body)).toEqual([[1]]);
  });

  it('hears nothing that another program says in the name of the sender', async () => {
    const { dbus, bus } = scene();
    const ticks: DbusSignal[] = [];
    await dbus.subscribe(TICK, (signal) => ticks.push(signal));
    bus.emit({ ...TICK, sender: ':1.66', signature: '', body: [] });
    expect(ticks).toEqual([]);
    const moved = { path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' };
    const owners = { member: 'NameOwnerChanged', signature: 'sss' };
    bus.emit({
      ...{ sender: 'org.freedesktop.DBus', ...moved, ...owners },
      body: ['org.example', ':1.1', ':1.66'],
    });
    bus.emit({ ...TICK, sender: ':1.66', signature: '', body: [] });
    expect(ticks).toHaveLength(1);
  });
});

describe('the authentication', () => {
  async function greet(line: string): Promise<unknown> {
    const clock = new ManualClock();
    const dbus = new LastingDbus({
      clock,
      callTimeoutMs: 1000,
      open: async () => ({
        stream: {
          send: () => undefined,
          listen: ({ onBytes }) => onBytes(Buffer.from(line)),
          close: () => undefined,
        },
        ...{ isBus: true, uid: 0 },
      }),
    });
    const failed = dbus.call(ECHO).catch((error: unknown) => error);
    await clock.advance(1000);
    return failed;
  }

  it.each([
    ['REJECTED EXTERNAL\r\n', 'DBUS_UNREACHABLE'],
    ['HTTP/1.1 400 Bad Request\r\n', 'DBUS_MALFORMED'],
    ['x'.repeat(20_000), 'DBUS_MALFORMED'],
    ['OK 12', 'DBUS_TIMEOUT'],
    ['OK 12\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff', 'DBUS_MALFORMED'],
  ])('that is answered with %j fails', async (line, code) => {
    expect(await greet(line)).toMatchObject({ code });
  });
});
