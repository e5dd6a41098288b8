import assert from 'node:assert/strict';

import { checkReader, mutatedBytes } from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import {
  ByteWriter,
  CONTROLLER_ATTRS,
  decodeAcknowledgement,
  decodeAddress,
  decodeAttrs,
  decodeGeneric,
  encodeAddress,
  encodeAttrs,
  isNetlinkError,
  splitAttrs,
  splitMessages,
  writeMessage,
} from '../../src/index.js';
import { NLCTRL } from '../unit/nlctrl-recording.js';

const frames = NLCTRL.flatMap(({ sent, received }) => [sent, ...received]).map((hex) =>
  Buffer.from(hex, 'hex'),
);

/** A refusal with a text and an offset, in Linux's form. */
const REFUSAL = Buffer.from(
  'eaffffff' + '10000000100001000100000000000000' + '090001007465787400000000' + '0800020010000000',
  'hex',
);

describe('Frames of the kernel', () => {
  test('every datagram yields messages or a NetlinkError', () =>
    checkReader({
      name: 'splitMessages',
      inputs: mutatedBytes([...frames, Buffer.concat(frames)]),
      read: (datagram) => {
        let bytes = 0;
        for (const message of splitMessages(datagram)) {
          bytes += 16 + message.payload.length;
          assert.ok(bytes <= datagram.length, 'no byte is read twice');
          for (const number of [message.type, message.flags, message.sequence, message.portId]) {
            assert.ok(Number.isInteger(number) && number >= 0);
          }
        }
      },
      refuses: isNetlinkError,
      share: 2000,
    }));

  test('every generic message yields attributes that are written back unchanged, or a NetlinkError', () =>
    checkReader({
      name: 'decodeGeneric',
      inputs: mutatedBytes(frames.map((frame) => frame.subarray(16))),
      read: (payload) => {
        const { values } = decodeGeneric(CONTROLLER_ATTRS, {
          type: 16,
          flags: 0,
          sequence: 1,
          portId: 0,
          payload,
        });
        const { name } = values;
        if (name !== undefined && Buffer.byteLength(name) < 16 && !name.includes('\ufffd')) {
          const again = decodeAttrs(CONTROLLER_ATTRS, encodeAttrs(CONTROLLER_ATTRS, values));
          assert.deepEqual(again, values);
        }
      },
      refuses: isNetlinkError,
      share: 2000,
    }));

  test('splitting attributes always ends', () =>
    checkReader({
      name: 'splitAttrs',
      inputs: mutatedBytes(frames.map((frame) => frame.subarray(20))),
      read: (bytes) => {
        let count = 0;
        for (const { payload } of splitAttrs(bytes)) {
          count += 4 + payload.length;
          assert.ok(count <= bytes.length);
        }
      },
      refuses: isNetlinkError,
    }));

  test('every answer yields an errno, with or without text, or a NetlinkError', () =>
    checkReader({
      name: 'decodeAcknowledgement',
      inputs: mutatedBytes([REFUSAL]),
      read: (payload) => {
        for (const flags of [0, 0x100, 0x200]) {
          const { errno } = decodeAcknowledgement({
            type: 2,
            flags,
            sequence: 1,
            portId: 0,
            payload,
          });
          assert.ok(Number.isInteger(errno) && errno >= 0);
        }
      },
      refuses: isNetlinkError,
    }));

  test('every address is written back unchanged', () =>
    checkReader({
      name: 'decodeAddress',
      inputs: mutatedBytes([
        Buffer.from([10, 0, 0, 1]),
        Buffer.from('fd000000000000000000000000000009', 'hex'),
        Buffer.from('00000000000000000000ffff0a000001', 'hex'),
      ]),
      read: (bytes) => {
        const text = decodeAddress(bytes);
        assert.equal(text !== undefined, bytes.length === 4 || bytes.length === 16);
        if (text !== undefined)
          assert.deepEqual(Buffer.from(encodeAddress(text)!), Buffer.from(bytes));
      },
    }));

  test('every message is split off exactly as it was written', () =>
    checkReader({
      name: 'writeMessage',
      inputs: mutatedBytes(frames),
      read: (payload) => {
        const out = new ByteWriter(64);
        writeMessage(out, { type: 16, flags: 1, payload }, 7);
        writeMessage(out, { type: 17, flags: 2, payload: payload.subarray(1) }, 8);
        const found = [...splitMessages(Buffer.from(out.view()))];
        assert.deepEqual(
          found.map((message) => [message.type, message.sequence, message.payload.toString('hex')]),
          [
            [16, 7, payload.toString('hex')],
            [17, 8, payload.subarray(1).toString('hex')],
          ],
        );
      },
    }));
});
