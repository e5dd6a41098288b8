import { constants, inflateSync } from 'node:zlib';

import { describe, expect, it, vi } from 'vitest';

import { parseSocketProtocols } from '../../../src/server/codec/socket-protocols.js';
import {
  encodeSpdyData,
  encodeSpdyPing,
  SpdyOpener,
  SpdyParser,
} from '../../../src/server/codec/spdy.js';

/** All events of a parser that gets these bytes in pieces of one size. */
function eventsOf(bytes: Buffer, pieceBytes: number): readonly string[] {
  const events: string[] = [];
  const data = new Map<number, string>();
  const parser = new SpdyParser({
    data: (id, piece) => void data.set(id, (data.get(id) ?? '') + piece.toString('latin1')),
    end: (id) => void events.push(`end ${id}`),
    ping: (id) => void events.push(`ping ${id}`),
    goAway: () => void events.push('go away'),
  });
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    parser.take(bytes.subarray(at, at + pieceBytes));
  }
  return [...events, ...[...data].map(([id, text]) => `${id}: ${text}`)];
}

const control = (type: number, flags: number, body: readonly number[]): Buffer =>
  Buffer.from([0x80, 3, 0, type, flags, 0, 0, body.length, ...body]);

describe('SPDY', () => {
  it('copies each byte of a long control frame once, however small its pieces', () => {
    const long = Buffer.alloc(8 + 64 * 1024);
    long.writeUInt32BE(0x8003_0004, 0);
    long.writeUInt32BE(64 * 1024, 4);
    const concat = vi.spyOn(Buffer, 'concat');
    const copy = vi.spyOn(Buffer.prototype, 'copy');
    const events = eventsOf(Buffer.concat([long, control(7, 0, [])]), 1);
    const joined = concat.mock.results.slice(1).map(({ value }) => (value as Buffer).length);
    const copied = copy.mock.results.map(({ value }) => value as number);
    vi.restoreAllMocks();
    expect(events).toEqual(['go away']);
    const sum = [...joined, ...copied].reduce((total, bytes) => total + bytes, 0);
    expect(sum).toBeLessThan(long.length + 100);
  });

  it('encodes the headers of all streams as one zlib stream', () => {
    const opener = new SpdyOpener();
    const opened = [opener.open({ streamType: 'error' }), opener.open({ streamtype: 'stdin' })];
    expect(opened.map(({ id }) => id)).toEqual([1, 3]);
    const frames = opened.map(({ frame }) => frame);
    expect(frames.map((frame) => frame.subarray(0, 5).toString('hex'))).toEqual([
      '8003000100',
      '8003000100',
    ]);
    expect(frames.map((frame) => frame.readUInt32BE(4) & 0xff_ffff)).toEqual(
      frames.map((frame) => frame.length - 8),
    );
    const packed = Buffer.concat(frames.map((frame) => frame.subarray(18)));
    const plain = inflateSync(packed, { finishFlush: constants.Z_SYNC_FLUSH });
    const text = (value: string) => `\0\0\0${String.fromCharCode(value.length)}${value}`;
    const block = (type: string) => `\0\0\0\x01${text('streamtype')}${text(type)}`;
    expect(plain.toString('latin1')).toBe(block('error') + block('stdin'));
  });

  const bytes = Buffer.concat([
    control(2, 0, [0, 0, 0, 1]),
    ...encodeSpdyData(5, Buffer.from('hello ')),
    encodeSpdyPing(2),
    ...encodeSpdyData(7, Buffer.from('wrong')),
    ...encodeSpdyData(5, Buffer.from('world'), true),
    ...encodeSpdyData(3, Buffer.alloc(0), true),
    control(3, 0, [0, 0, 0, 1, 0, 0, 0, 5]),
    control(7, 0, [0, 0, 0, 0, 0, 0, 0, 0]),
  ]);

  it.each([1, 3, 8, 13, 10_000])('is read in pieces of %i bytes', (pieceBytes) => {
    expect(eventsOf(bytes, pieceBytes)).toEqual([
      ...['ping 2', 'end 5', 'end 3', 'end 1', 'go away'],
      ...['5: hello world', '7: wrong'],
    ]);
  });

  it.each([
    ['another version', Buffer.from([0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1])],
    ['HTTP', Buffer.concat([Buffer.from([0xc8]), Buffer.from('TTP/1.1 400 Bad Request\r\n')])],
    ['an overlong control frame', Buffer.from([0x80, 3, 0, 8, 0, 0xff, 0xff, 0xff])],
  ])('refuses %s', (_, wrong) => {
    expect(() => eventsOf(wrong, 1000)).toThrow(/^the runtime/);
  });
});

describe(parseSocketProtocols, () => {
  const token = (text: string) =>
    `base64url.bearer.authorization.k8s.io.${Buffer.from(text, 'latin1').toString('base64url')}`;

  it.each([
    [undefined, [], undefined],
    ['v5.channel.k8s.io, v4.channel.k8s.io', ['v5.channel.k8s.io', 'v4.channel.k8s.io'], undefined],
    [`v5.channel.k8s.io, ${token('abc')}`, ['v5.channel.k8s.io'], 'abc'],
    [`${token('abc')},a`, ['a'], 'abc'],
    [token('abc'), [], undefined],
    [`a, ${token('abc')}, ${token('def')}`, ['a'], undefined],
    ['a, base64url.bearer.authorization.k8s.io.a+b=', ['a'], undefined],
    [`a, ${token('\xff\xfe')}`, ['a'], undefined],
  ])('%s', (header, offered, want) => {
    expect(parseSocketProtocols(header)).toEqual({ offered, token: want });
  });
});
