import assert from 'node:assert/strict';

import { checkReader, mutatedBytes } from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { decodeHealthResponse } from '../../src/codec/health-message.js';
import { HttpResponseReader } from '../../src/codec/http-response.js';

const RESPONSES = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello',
  'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nT: x\r\n\r\n',
  'HTTP/1.0 302 Found\r\nLocation: /there\r\n\r\nbody until the end',
];

const BODY_LIMIT = 10_240;

describe('Answers of probed containers', () => {
  test('every HTTP response yields a head, a bounded body and perhaps a problem', () =>
    checkReader({
      name: 'HttpResponseReader',
      inputs: mutatedBytes(RESPONSES.map((text) => Buffer.from(text))),
      read: (bytes) => {
        const whole = readIn(bytes, bytes.length + 1);
        const pieces = readIn(bytes, 1 + (bytes.length % 7));
        // how much of a wrong answer is quoted depends on how much has arrived
        assert.equal(pieces.problem === undefined, whole.problem === undefined);
        if (whole.problem === undefined) assert.deepEqual(pieces, whole);
        assert.ok(whole.body.length <= BODY_LIMIT);
      },
    }));

  test('every gRPC health message yields a status or undefined', () =>
    checkReader({
      name: 'decodeHealthResponse',
      inputs: mutatedBytes([
        Buffer.from([0x08, 0x01]),
        Buffer.from([0x12, 0x03, 1, 2, 3, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x08, 0x02]),
      ]),
      read: (bytes) => {
        assert.ok(['string', 'undefined'].includes(typeof decodeHealthResponse(bytes)));
      },
    }));
});

function readIn(bytes: Buffer, step: number) {
  const reader = new HttpResponseReader(BODY_LIMIT);
  for (let at = 0; at < bytes.length && !reader.done; at += step)
    reader.push(bytes.subarray(at, at + step));
  const { head, done, problem } = reader;
  return { head, done, problem, body: reader.body() };
}
