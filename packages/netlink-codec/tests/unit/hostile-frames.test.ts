import { createDice } from '@nodeagent/testbed/chance';
import { describe, expect, it } from 'vitest';

import {
  ByteWriter,
  CONTROLLER_ATTRS,
  cString,
  decodeAcknowledgement,
  decodeAttrs,
  decodeGeneric,
  encodeAttrs,
  FLAG,
  inetAddress,
  isNetlinkError,
  listOf,
  MESSAGE,
  nested,
  splitMessages,
  u16,
  u32,
  u64be,
  writeMessage,
} from '../../src/index.js';

const LEAF = { address: inetAddress(1), port: u16(2), stamp: u64be(3), text: cString(4) } as const;
const TREE = { leaf: nested(1, LEAF), list: listOf(2, nested(1, LEAF)), mask: u32(3) } as const;

const SAMPLE = encodeAttrs(TREE, {
  leaf: { address: '10.0.0.1', port: 80, stamp: 5n, text: 'hello' },
  list: [{ address: 'fd00::1' }, { port: 443, text: '' }],
  mask: 0xff,
});

function datagram(): Buffer {
  const out = new ByteWriter();
  writeMessage(out, { type: 20, flags: FLAG.multi, payload: SAMPLE }, 1);
  const error = Buffer.concat([Buffer.from('feffffff', 'hex'), Buffer.alloc(16, 1), SAMPLE]);
  writeMessage(out, { type: MESSAGE.error, flags: 0x300, payload: error }, 2);
  writeMessage(out, { type: MESSAGE.done, flags: 0, payload: Buffer.alloc(4) }, 1);
  return out.copy();
}

/**
 * Reads everything that a reader could look at; bytes that are not netlink must cause a
 * NetlinkError.
 */
function readAll(bytes: Buffer): void {
  try {
    for (const message of splitMessages(bytes)) {
      if (message.type === MESSAGE.error) decodeAcknowledgement(message);
      else decodeAttrs(TREE, message.payload);
      decodeGeneric(CONTROLLER_ATTRS, message);
    }
  } catch (error) {
    if (!isNetlinkError(error, 'NETLINK_MALFORMED')) throw error;
  }
}

describe('hostile frames', () => {
  it('may be truncated at any length', () => {
    const whole = datagram();
    for (let size = 0; size <= whole.length; size += 1) readAll(whole.subarray(0, size));
  });

  it('may have any bytes overwritten', () => {
    const { below: next } = createDice(1);
    for (let round = 0; round < 20_000; round += 1) {
      const bytes = datagram();
      for (let hit = next(6); hit >= 0; hit -= 1) bytes[next(bytes.length)] = next(256);
      readAll(bytes);
    }
  });

  it('may be noise', () => {
    const { below: next } = createDice(2);
    for (let round = 0; round < 5_000; round += 1) {
      readAll(Buffer.from(Array.from({ length: next(200) }, () => next(256))));
    }
  });

  it('never show bytes beyond their end', () => {
    const secret = Buffer.from('secret');
    const inner = encodeAttrs({ text: cString(4) }, { text: 'abc' });
    const memory = Buffer.concat([inner, secret]);
    memory.writeUInt16LE(inner.length + secret.length, 0);
    expect(() => decodeAttrs(LEAF, memory.subarray(0, inner.length))).toThrow(/says/);
    const open = Buffer.concat([Buffer.from('07000400', 'hex'), Buffer.from('abc'), secret]);
    expect(decodeAttrs(LEAF, open.subarray(0, 7))).toEqual({ text: 'abc' });
  });
});
