import { createSystemClock } from '@nodeagent/base/system';
import { afterEach, expect, it } from 'vitest';

import { inOwnNamespace } from '../../../../vitest.namespace.js';
import { openNetlinkSocket, PROTOCOL } from '../../src/adapters/socket.js';
import {
  bytes,
  ByteWriter,
  cString,
  decodeAcknowledgement,
  decodeAttrs,
  encodeAttrs,
  FLAG,
  inetAddress,
  isRefusal,
  listen,
  NetlinkConnection,
  type NetlinkMessage,
  resolveGenericFamily,
  writeMessage,
} from '../../src/index.js';
import { RecordedSocket, recordSocket } from '../../src/testing/index.js';

const never = new AbortController().signal;
const clock = createSystemClock();
const open: { close(): void }[] = [];
afterEach(() => open.splice(0).forEach((connection) => connection.close()));

function connect(protocol: number): NetlinkConnection {
  const socket = openNetlinkSocket({ protocol });
  const connection = new NetlinkConnection({ socket, clock });
  open.push(connection);
  return connection;
}

const LINK = { name: cString(3, 16) } as const;
const RTM_GETLINK = 18;
const RTM_DELLINK = 17;
const RTM_NEWNEIGH = 28;
const RTM_DELNEIGH = 29;
const RTNLGRP_NEIGH = 3;
/** struct ndmsg: AF_INET, interface 1, NUD_PERMANENT. */
const NDMSG_LOOPBACK = Buffer.from('020000000100000080000000', 'hex');
const MAC = Buffer.alloc(6, 2);
const ifinfomsg = (index: number): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(index, 4);
  return bytes;
};
const linkName = ({ payload }: NetlinkMessage): string | undefined =>
  decodeAttrs(LINK, payload.subarray(16)).name;

inOwnNamespace('tests/integration/kernel.test.ts', () => {
  it('lists network interfaces', async () => {
    const connection = connect(PROTOCOL.route);
    const message = { type: RTM_GETLINK, flags: 0, payload: ifinfomsg(0) };
    expect(await connection.dump('list links', message, linkName, never)).toContain('lo');
  });

  it('answers each of several concurrent requests', async () => {
    const connection = connect(PROTOCOL.route);
    const message = { type: RTM_GETLINK, flags: FLAG.request, payload: ifinfomsg(1) };
    const asked = Array.from({ length: 50 }, () => connection.request('get lo', message, never));
    const names = (await Promise.all(asked)).map(([link]) => link && linkName(link));
    expect(new Set(names)).toEqual(new Set(['lo']));
  });

  it('refuses with an errno', async () => {
    const connection = connect(PROTOCOL.route);
    const flags = FLAG.request | FLAG.ack;
    const message = { type: RTM_DELLINK, flags, payload: ifinfomsg(0x7ffffff0) };
    const deleting = connection.request('delete link', message, never);
    await expect(deleting).rejects.toMatchObject({ code: 'NETLINK_REFUSED', errnoName: 'ENODEV' });
  });

  it('does nothing about a message without the request flag, which request() adds', async () => {
    const connection = connect(PROTOCOL.route);
    const message = { type: RTM_DELLINK, flags: FLAG.ack, payload: ifinfomsg(0x7ffffff0) };
    const answers: number[] = [];
    const unmarked = {
      sequences: 1,
      datagrams: (sequence: number) => {
        const out = new ByteWriter(64);
        writeMessage(out, message, sequence);
        return [out.copy()];
      },
      receive: (answer: NetlinkMessage) => {
        answers.push(decodeAcknowledgement(answer).errno);
        return 'end' as const;
      },
    };
    await connection.exchange('unmarked', unmarked, never);
    expect(answers).toEqual([0]); // "done", although there is no such link
    const marked = connection.request('delete link', message, never);
    await expect(marked).rejects.toMatchObject({ errnoName: 'ENODEV' });
  });

  it('carries a pipeline out and reports which messages it refused', async () => {
    const connection = connect(PROTOCOL.route);
    const messages = Array.from({ length: 400 }, (_, i) => ({
      type: i % 2 === 0 ? RTM_DELLINK : RTM_GETLINK,
      flags: FLAG.request,
      payload: ifinfomsg(i % 2 === 0 ? 0x7ffffff0 : 1),
    }));
    const outcomes = await connection.pipeline('mixed', messages, never);
    expect(outcomes.map((outcome) => outcome?.errnoName)).toEqual(
      messages.map((_, i) => (i % 2 === 0 ? 'ENODEV' : undefined)),
    );
  });

  it('resolves generic families by name, and reports missing ones', async () => {
    const connection = connect(PROTOCOL.generic);
    const family = await resolveGenericFamily(connection, 'nlctrl', never);
    expect(family).toMatchObject({ id: 16, groups: new Map([['notify', 16]]) });
    const unknown = resolveGenericFamily(connection, 'no-such-family', never);
    await expect(unknown).rejects.toMatchObject({ code: 'NETLINK_NO_FAMILY' });
  });

  it('refuses a datagram larger than the send buffer before sending it', () => {
    const socket = openNetlinkSocket({ protocol: PROTOCOL.route, sendBufferBytes: 16_384 });
    open.push(socket);
    const tooLong = Buffer.alloc(socket.maxSendBytes + 1);
    expect(() => socket.send(tooLong)).toThrow(
      expect.objectContaining({ code: 'NETLINK_TOO_LARGE' }),
    );
  });

  it('reports lost answers and continues', async () => {
    const socket = openNetlinkSocket({ protocol: PROTOCOL.route, receiveBufferBytes: 2048 });
    const connection = new NetlinkConnection({ socket, clock });
    open.push(connection);
    const message = { type: RTM_DELLINK, flags: 0, payload: ifinfomsg(0x7ffffff0) };
    const pipeline = connection.pipeline('flood', new Array(128).fill(message), never);
    await expect(pipeline).rejects.toMatchObject({ code: 'NETLINK_LOST' });
    const get = { type: RTM_GETLINK, flags: FLAG.request, payload: ifinfomsg(1) };
    expect(await connection.request('get lo', get, never)).toHaveLength(1);
  });

  it('reports changes to listeners from the first one on', async () => {
    const ears = openNetlinkSocket({ protocol: PROTOCOL.route });
    open.push(ears);
    ears.join(RTNLGRP_NEIGH);
    const connection = connect(PROTOCOL.route);
    const heard = new Promise<number>((resolve) => {
      const stop = new AbortController();
      const notified = ({ type, portId }: NetlinkMessage): void => {
        if (type !== RTM_NEWNEIGH || portId !== connection.portId) return;
        resolve(type);
        stop.abort();
      };
      const missed = (): void => undefined;
      void listen({ socket: ears, clock, notified, missed, periodMs: 10 }, stop.signal);
    });
    // All IPv4 addresses on the loopback interface share this one neighbour. Outside a namespace of our
    // own, nothing on loopback would answer any more.
    const address = encodeAttrs({ to: inetAddress(1) }, { to: '192.0.2.77' });
    const payload = Buffer.concat([
      NDMSG_LOOPBACK,
      address,
      encodeAttrs({ mac: bytes(2) }, { mac: MAC }),
    ]);
    const flags = FLAG.request | FLAG.ack | FLAG.create;
    await connection.request('add neighbour', { type: RTM_NEWNEIGH, flags, payload }, never);
    expect(await heard).toBe(RTM_NEWNEIGH);
    const remove = { type: RTM_DELNEIGH, flags: FLAG.request | FLAG.ack, payload };
    await connection.request('remove neighbour', remove, never).catch((error: unknown) => {
      if (!isRefusal(error, 'ENOENT')) throw error; // the loopback interface removes them by itself
    });
  });

  it('gives the same answers when its recording is played', async () => {
    const { socket, recording } = recordSocket(openNetlinkSocket({ protocol: PROTOCOL.generic }));
    const live = new NetlinkConnection({ socket, clock });
    open.push(live);
    const family = await resolveGenericFamily(live, 'nlctrl', never);
    const replay = new NetlinkConnection({ socket: new RecordedSocket(recording), clock });
    expect(await resolveGenericFamily(replay, 'nlctrl', never)).toEqual(family);
  });
});
