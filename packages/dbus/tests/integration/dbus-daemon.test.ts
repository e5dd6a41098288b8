import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSystemClock } from '@nodeagent/base/system';
import { startProcess, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { type DbusCall, isDbusRefusal, type LastingDbus } from '../../src/index.js';
import { openBus } from '../../src/unix.js';

const BUS = 'org.freedesktop.DBus';
const TO_BUS = { destination: BUS, path: '/org/freedesktop/DBus', interface: BUS } as const;
const ASK: DbusCall = { ...TO_BUS, member: 'GetId' };

let dir: string;
let daemon: Awaited<ReturnType<typeof startProcess>> | undefined;

async function startDaemon(): Promise<void> {
  daemon = await startProcess({
    argv: ['dbus-daemon', '--nofork', `--config-file=${dir}/bus.conf`],
    logFile: join(dir, 'bus.log'),
  });
}

function open(): LastingDbus {
  const dbus = openBus({ clock: createSystemClock(), address: `unix:path=${dir}/bus` });
  onTestFinished(() => dbus.close());
  return dbus;
}

/** Asks until the daemon answers. */
function answers(dbus: LastingDbus): Promise<unknown> {
  const asks = async (): Promise<boolean> =>
    dbus.call(ASK).then(
      () => true,
      () => false,
    );
  return waitFor(asks, { what: 'dbus-daemon to answer' });
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dbus-'));
  const rules = '<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>';
  const text = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
    "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
    <busconfig><type>session</type><listen>unix:path=${dir}/bus</listen>
    <auth>EXTERNAL</auth><policy context="default">${rules}</policy></busconfig>`;
  await writeFile(join(dir, 'bus.conf'), text);
  await startDaemon();
});
afterAll(async () => {
  await daemon?.stop();
  await rm(dir, { recursive: true });
});

it('answers calls, and refuses with the names that everybody knows', async () => {
  const dbus = open();
  await answers(dbus);
  const [names] = await dbus.call({ ...TO_BUS, member: 'ListNames' });
  expect(names).toContain(BUS);
  const other = { ...ASK, destination: 'org.example.nobody', member: 'X' };
  const refused: unknown = await dbus.call(other).catch((error: unknown) => error);
  expect(isDbusRefusal(refused, `${BUS}.Error.ServiceUnknown`)).toBe(true);
});

it('delivers signals of the sender that was asked for', async () => {
  const [listener, other] = [open(), open()];
  await answers(listener);
  const seen: unknown[] = [];
  const match = { sender: BUS, path: TO_BUS.path, interface: BUS, member: 'NameOwnerChanged' };
  await listener.subscribe(match, ({ body }) => seen.push(body[0]));
  const request = { ...TO_BUS, member: 'RequestName', signature: 'su' };
  expect(await other.call({ ...request, body: ['org.example.Test', 0] })).toEqual([1]);
  await expect.poll(() => seen).toContain('org.example.Test');
});

it('carries long lists in both directions', async () => {
  const dbus = open();
  await answers(dbus);
  const rule = (at: number): string => `type='signal',member='Tick${at}'`;
  await Promise.all(
    Array.from({ length: 200 }, (_, at) =>
      dbus.call({ ...TO_BUS, member: 'AddMatch', signature: 's', body: [rule(at)] }),
    ),
  );
  const xml = await dbus.call({
    ...{ ...TO_BUS, interface: 'org.freedesktop.DBus.Introspectable', member: 'Introspect' },
  });
  expect(xml).toEqual([expect.stringContaining('NameOwnerChanged')]);
});

it('ends its calls when the daemon ends, and goes on with the next one', async () => {
  const dbus = open();
  await answers(dbus);
  await daemon?.kill9();
  await expect(dbus.call(ASK)).rejects.toMatchObject({
    code: expect.stringMatching(/^DBUS_(?:CLOSED|UNREACHABLE)$/),
  });
  await rm(join(dir, 'bus'), { force: true });
  await startDaemon();
  await answers(dbus);
  expect(await dbus.call(ASK)).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
});
