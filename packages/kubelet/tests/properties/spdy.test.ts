import assert from 'node:assert/strict';

import { checkReader, mutatedBytes } from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { encodeSpdyData, encodeSpdyPing, SpdyParser } from '../../src/server/codec/spdy.js';

const control = (type: number, flags: number, body: readonly number[]): Buffer =>
  Buffer.from([0x80, 3, 0, type, flags, 0, 0, body.length, ...body]);

/**
 * The end of a session with a runtime's streaming server: two replies, output, a ping, closing
 * frames.
 */
const SESSION = Buffer.concat([
  control(2, 0, [0, 0, 0, 1]),
  control(2, 1, [0, 0, 0, 3]),
  ...encodeSpdyData(5, Buffer.from('hello ')),
  encodeSpdyPing(2),
  ...encodeSpdyData(5, Buffer.from('world'), true),
  ...encodeSpdyData(3, Buffer.alloc(0), true),
  control(3, 0, [0, 0, 0, 1, 0, 0, 0, 5]),
  control(7, 0, [0, 0, 0, 0, 0, 0, 0, 0]),
]);

interface Told {
  /** In order of arrival; the pieces of one frame are joined. */
  readonly events: readonly string[];
  readonly dataBytes: number;
  readonly refused: string | undefined;
}

function told(bytes: Buffer, pieceBytes: number): Told {
  const events: string[] = [];
  let dataBytes = 0;
  let last: number | undefined;
  const note = (event: string): void => {
    events.push(event);
    last = undefined;
  };
  const parser = new SpdyParser({
    data: (id, piece) => {
      assert.ok(piece.length > 0);
      dataBytes += piece.length;
      const text = piece.toString('latin1');
      if (id === last) events.push(`${events.pop()}${text}`);
      else events.push(`${id}: ${text}`);
      last = id;
    },
    end: (id) => {
      assert.ok(Number.isInteger(id) && id >= 0);
      note(`end ${id}`);
    },
    ping: (id) => {
      assert.equal(encodeSpdyPing(id).readUInt32BE(8), id);
      note(`ping ${id}`);
    },
    goAway: () => note('go away'),
  });
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      parser.take(Buffer.from(bytes.subarray(at, at + pieceBytes)));
    }
  } catch (error) {
    if (!(error instanceof Error && /^the runtime /.test(error.message))) throw error;
    return { events, dataBytes, refused: error.message };
  }
  return { events, dataBytes, refused: undefined };
}

describe("Frames of a runtime's streaming server", () => {
  test('decode identically in pieces of any size, or fail with a documented error', () =>
    checkReader({
      name: 'SpdyParser',
      inputs: mutatedBytes([SESSION]),
      read: (bytes) => {
        const whole = told(bytes, bytes.length);
        assert.ok(whole.dataBytes <= bytes.length, 'no byte is told twice');
        const sizes = bytes.length < 1000 ? [1, 7, 9] : [257];
        for (const size of sizes) assert.deepEqual(told(bytes, size), whole);
      },
      share: 1000,
    }));
});
