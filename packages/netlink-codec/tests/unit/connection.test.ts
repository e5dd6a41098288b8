import { ManualClock } from '@nodeagent/base/testing';
import { describe, expect, it } from 'vitest';

import {
  ByteWriter,
  errnoNumber,
  FLAG,
  isNetlinkError,
  isRefusal,
  listen,
  MESSAGE,
  NetlinkConnection,
  NetlinkError,
  type NetlinkSocket,
  type OutgoingMessage,
  resolveGenericFamily,
  splitMessages,
  writeMessage,
} from '../../src/index.js';
import { RecordedSocket } from '../../src/testing/index.js';
import { NLCTRL } from './nlctrl-recording.js';

const never = new AbortController().signal;
const GET: OutgoingMessage = { type: 20, flags: FLAG.request, payload: Buffer.alloc(4) };
const DO: OutgoingMessage = { ...GET, flags: FLAG.request | FLAG.ack };

type Answer = readonly [type: number, flags: number, payload: Buffer];

const item = (n: number, flags: number = FLAG.multi): Answer => [
  30,
  flags,
  Buffer.from([n, 0, 0, 0]),
];
const done = (flags: number = FLAG.multi): Answer => [MESSAGE.done, flags, Buffer.alloc(4)];
const failed = (name: string): Answer => {
  const payload = Buffer.alloc(20);
  payload.writeInt32LE(-(errnoNumber(name) ?? 0));
  return [MESSAGE.error, FLAG.capped, payload];
};

/** A kernel that answers each message by a rule. */
class RuleSocket implements NetlinkSocket {
  readonly portId = 77;
  maxSendBytes = 100_000;
  datagrams = 0;
  isClosed = false;
  readonly waiting: Buffer[] = [];
  readonly #rule: (n: number, flags: number) => readonly Answer[];
  #count = 0;

  constructor(rule: (n: number, flags: number) => readonly Answer[]) {
    this.#rule = rule;
  }

  send(datagram: Uint8Array): void {
    this.datagrams += 1;
    for (const { sequence, flags } of splitMessages(Buffer.from(datagram))) {
      for (const [type, answerFlags, payload] of this.#rule(this.#count, flags)) {
        const out = new ByteWriter();
        writeMessage(out, { type, flags: answerFlags, payload }, sequence);
        this.waiting.push(out.copy());
      }
      this.#count += 1;
    }
  }

  receive(): Buffer | undefined {
    return this.waiting.shift();
  }

  join(): void {
    this.datagrams += 0;
  }

  leave(): void {
    this.datagrams += 0;
  }

  close(): void {
    this.isClosed = true;
  }
}

function connect(rule: (n: number, flags: number) => readonly Answer[]) {
  const socket = new RuleSocket(rule);
  const clock = new ManualClock();
  return { socket, clock, connection: new NetlinkConnection({ socket, clock }) };
}

describe('NetlinkConnection.request', () => {
  it('returns the first answer', async () => {
    const { connection } = connect(() => [item(1, 0)]);
    const answers = await connection.request('get', GET, never);
    expect(answers.map(({ payload }) => payload[0])).toEqual([1]);
  });

  it('waits for the requested acknowledgement', async () => {
    const { connection } = connect(() => [item(1, 0), item(2, 0), failed('none')]);
    expect(await connection.request('do', DO, never)).toHaveLength(2);
  });

  it('names the refused request', async () => {
    const { connection } = connect(() => [failed('ENOENT')]);
    await expect(connection.request('delete x', DO, never)).rejects.toThrow('delete x: ENOENT');
  });

  it('gives up on a silent kernel, then continues', async () => {
    const { connection, clock } = connect((n) => (n === 0 ? [] : [item(2, 0)]));
    const first = connection.request('get', GET, never).catch((error: unknown) => error);
    const second = connection.request('get', GET, never);
    await clock.advance(10_000);
    expect(isNetlinkError(await first, 'NETLINK_TIMEOUT')).toBe(true);
    expect(await second).toHaveLength(1);
  });

  it("ends with its signal's reason", async () => {
    const { connection } = connect(() => []);
    const stop = new AbortController();
    const asked = connection.request('get', GET, stop.signal);
    stop.abort(new Error('no longer needed'));
    await expect(asked).rejects.toThrow('no longer needed');
  });

  it('fails when the connection is closed meanwhile', async () => {
    const { connection, socket, clock } = connect(() => []);
    const asked = connection.request('get', GET, never).catch((error: unknown) => error);
    await clock.advance(1);
    connection.close();
    await clock.advance(10);
    expect(isNetlinkError(await asked, 'NETLINK_CLOSED')).toBe(true);
    expect(socket.isClosed).toBe(true);
  });

  it('fails on malformed answers', async () => {
    const { connection, socket, clock } = connect(() => []);
    const asked = connection.request('get', GET, never);
    await Promise.resolve();
    socket.waiting.push(Buffer.from([9, 9]));
    await clock.advance(10);
    await expect(asked).rejects.toMatchObject({ code: 'NETLINK_MALFORMED' });
  });
});

it('a late answer and an answer to an earlier request are told apart', async () => {
  const { connection, socket, clock } = connect(() => []);
  const asked = connection.request('get', GET, never);
  await clock.advance(20);
  const out = new ByteWriter();
  writeMessage(out, { type: 30, flags: 0, payload: Buffer.from([1, 0, 0, 0]) }, 99);
  writeMessage(out, { type: 30, flags: 0, payload: Buffer.from([2, 0, 0, 0]) }, 1);
  socket.waiting.push(out.copy());
  await clock.advance(20);
  expect((await asked).map(({ payload }) => payload[0])).toEqual([2]);
});

describe('NetlinkConnection.dump', () => {
  const first = (message: { payload: Buffer }): number | undefined => message.payload[0];

  it('reads all parts', async () => {
    const { connection } = connect(() => [item(1), item(2), item(3), done()]);
    expect(await connection.dump('list', GET, first, never)).toEqual([1, 2, 3]);
  });

  it('starts over when the table changed meanwhile', async () => {
    const { connection } = connect((n) =>
      n === 0
        ? [item(1), item(9, FLAG.multi | FLAG.dumpInterrupted), done()]
        : n === 1
          ? [item(1), failed('EINTR')]
          : [item(1), item(2), done()],
    );
    expect(await connection.dump('list', GET, first, never)).toEqual([1, 2]);
  });

  it('gives up on a table that keeps changing', async () => {
    const { connection, socket } = connect(() => [item(1), done(FLAG.dumpInterrupted)]);
    const dump = connection.dump('list', GET, first, never);
    await expect(dump).rejects.toMatchObject({ code: 'NETLINK_INTERRUPTED' });
    expect(socket.datagrams).toBe(20);
  });

  it('names the refused request', async () => {
    const { connection } = connect(() => [failed('EPERM')]);
    const dump = connection.dump('list sets', GET, first, never);
    await expect(dump).rejects.toThrow('list sets: EPERM');
  });
});

describe('NetlinkConnection.pipeline', () => {
  const answer = (n: number, flags: number): readonly Answer[] => {
    if (n % 10 === 3) return [failed('EEXIST')];
    return (flags & FLAG.ack) === 0 ? [] : [failed('none')];
  };

  it('reports the outcome of each message, in few datagrams', async () => {
    const { connection, socket } = connect(answer);
    const outcomes = await connection.pipeline('add', new Array(300).fill(GET), never);
    const refused = outcomes.flatMap((outcome, i) => (outcome === undefined ? [] : [i]));
    expect(refused).toEqual(Array.from({ length: 30 }, (_, i) => i * 10 + 3));
    expect(isRefusal(outcomes[3], 'EEXIST')).toBe(true);
    expect(socket.datagrams).toBe(3);
  });

  it('keeps datagrams within what the socket can send', async () => {
    const { connection, socket } = connect(answer);
    socket.maxSendBytes = 240;
    await connection.pipeline('add', new Array(25).fill(GET), never);
    expect(socket.datagrams).toBe(3);
  });

  it('does nothing without messages', async () => {
    const { connection, socket } = connect(answer);
    expect(await connection.pipeline('add', [], never)).toEqual([]);
    expect(socket.datagrams).toBe(0);
  });
});

describe(resolveGenericFamily, () => {
  it("reads id and groups from a kernel's recorded answer", async () => {
    const socket = new RecordedSocket(NLCTRL);
    const connection = new NetlinkConnection({ socket, clock: new ManualClock() });
    const family = await resolveGenericFamily(connection, 'nlctrl', never);
    expect(family).toEqual({
      name: 'nlctrl',
      id: 16,
      version: 2,
      groups: new Map([['notify', 16]]),
    });
    expect(socket.left).toBe(0);
  });

  it('reports a missing family', async () => {
    const { connection } = connect(() => [failed('ENOENT')]);
    const resolving = resolveGenericFamily(connection, 'IPVS', never);
    await expect(resolving).rejects.toMatchObject({ code: 'NETLINK_NO_FAMILY' });
  });
});

describe(listen, () => {
  function notification(...types: number[]): Buffer {
    const out = new ByteWriter();
    for (const type of types) writeMessage(out, { type, flags: 0, payload: Buffer.alloc(4) }, 0);
    return out.copy();
  }

  it('passes on messages, reports missed ones and continues', async () => {
    const socket = new RecordedSocket([]);
    const clock = new ManualClock();
    const stop = new AbortController();
    const seen: (number | string)[] = [];
    const listening = listen(
      {
        socket,
        clock,
        notified: ({ type }) => seen.push(type),
        missed: ({ code }) => seen.push(code),
      },
      stop.signal,
    );
    socket.inject(notification(33, 34));
    await clock.advance(100);
    socket.inject(new NetlinkError('NETLINK_LOST', 'too many'));
    socket.inject(Buffer.from([1]));
    socket.inject(notification(35));
    await clock.advance(100);
    expect(seen).toEqual([33, 34, 'NETLINK_LOST', 'NETLINK_MALFORMED', 35]);
    stop.abort();
    await listening;
  });

  it('fails when the socket fails', async () => {
    const socket = new RecordedSocket([]);
    socket.close();
    const listening = listen(
      { socket, clock: new ManualClock(), notified: () => undefined, missed: () => undefined },
      never,
    );
    await expect(listening).rejects.toMatchObject({ code: 'NETLINK_CLOSED' });
  });
});
