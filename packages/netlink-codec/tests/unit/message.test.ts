import { describe, expect, it } from 'vitest';

import {
  ByteWriter,
  cString,
  decodeAcknowledgement,
  encodeAttrs,
  errnoName,
  errnoNumber,
  FLAG,
  isRefusal,
  MESSAGE,
  type NetlinkMessage,
  readErrno,
  refusal,
  splitMessages,
  u32,
  writeMessage,
} from '../../src/index.js';

const i32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};

function anError(payload: Buffer, flags: number): NetlinkMessage {
  return { type: MESSAGE.error, flags, sequence: 1, portId: 0, payload };
}

describe('messages', () => {
  it('are padded to four bytes and split again', () => {
    const out = new ByteWriter();
    writeMessage(out, { type: 20, flags: 5, payload: Buffer.from('abc') }, 7);
    writeMessage(out, { type: 21, flags: 1, payload: Buffer.alloc(0) }, 8);
    expect(out.length).toBe(36);
    const messages = [...splitMessages(out.view())];
    expect(messages.map(({ payload, ...rest }) => ({ ...rest, text: payload.toString() }))).toEqual(
      [
        { type: 20, flags: 5, sequence: 7, portId: 0, text: 'abc' },
        { type: 21, flags: 1, sequence: 8, portId: 0, text: '' },
      ],
    );
  });

  it('acknowledge with errno 0', () => {
    const message = anError(Buffer.concat([i32(0), Buffer.alloc(16)]), FLAG.capped);
    expect(decodeAcknowledgement(message).errno).toBe(0);
  });

  const explanation = encodeAttrs(
    { text: cString(1), offset: u32(2) },
    { text: 'Chain is busy', offset: 36 },
  );
  const request = (size: number): Buffer => {
    const bytes = Buffer.alloc(size);
    bytes.writeUInt32LE(size, 0);
    return bytes;
  };

  it.each([
    { what: 'after the header alone', repeated: request(16), flags: FLAG.capped },
    { what: 'after the whole request', repeated: request(28), flags: 0 },
  ])('have their explanation $what', ({ repeated, flags }) => {
    const payload = Buffer.concat([i32(-16), repeated, explanation]);
    const seen = decodeAcknowledgement(anError(payload, flags | FLAG.explained));
    expect(seen).toEqual({ errno: 16, text: 'Chain is busy', offset: 36 });
    const error = refusal('delete chain x', seen);
    expect(error.message).toBe('delete chain x: EBUSY: Chain is busy');
    expect(isRefusal(error, 'ENOENT', 'EBUSY')).toBe(true);
    expect(isRefusal(error, 'ENOENT')).toBe(false);
  });

  it('report an explanation outside of the message as malformed', () => {
    const payload = Buffer.concat([i32(-22), Buffer.alloc(16, 0xff)]);
    expect(() => decodeAcknowledgement(anError(payload, FLAG.explained))).toThrow(/starts at/);
  });

  it.each([
    [i32(-2), 2],
    [i32(0), 0],
    [i32(5), 0],
    [Buffer.alloc(0), 0],
  ])('the errno of %j is %i', (payload, errno) => {
    expect(readErrno(payload)).toBe(errno);
  });
});

it('a writer grows under every kind of value', () => {
  const out = new ByteWriter();
  for (let i = 0; i < 200; i += 1) {
    out.u8(i);
    out.u16(i);
    out.u16be(i);
    out.u32(i);
    out.u32be(i);
    out.u64(BigInt(i));
    out.u64be(BigInt(i));
    out.bytes(Buffer.from([i]));
    out.text('ab');
    out.zeros(1);
  }
  const record = out.length / 200;
  const last = out.view().subarray(199 * record);
  expect(last.subarray(3, 5).readUInt16BE()).toBe(199);
  expect(last.subarray(9, 13).readUInt32BE()).toBe(199);
  expect(last.subarray(21, 29).readBigUInt64BE()).toBe(199n);
  expect(last.subarray(29).toString('latin1')).toBe('\u00c7ab\0');
  out.reset(record);
  expect(out.copy()).toHaveLength(record);
});

it.each([
  ['EPERM', 1],
  ['ENOENT', 2],
  ['EEXIST', 17],
  ['EINVAL', 22],
  ['ELOOP', 40],
  ['ERESTART', 85],
  ['EOPNOTSUPP', 95],
  ['ENOBUFS', 105],
])('%s is %i', (name, errno) => {
  expect(errnoName(errno)).toBe(name);
  expect(errnoNumber(name)).toBe(errno);
});

it('an unknown errno keeps its number', () => {
  expect(errnoName(4000)).toBe('errno 4000');
});
