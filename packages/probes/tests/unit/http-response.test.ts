import { Buffer } from 'node:buffer';

import { describe, expect, it } from 'vitest';

import { HttpResponseReader } from '../../src/codec/http-response.js';

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

function read(text: string, pieceBytes = text.length): HttpResponseReader {
  const reader = new HttpResponseReader(100);
  const shared = Buffer.alloc(Math.max(1, pieceBytes));
  for (let at = 0; at < text.length; at += pieceBytes) {
    const length = shared.write(text.slice(at, at + pieceBytes), 'latin1');
    reader.push(shared.subarray(0, length));
    shared.fill('#');
  }
  return reader;
}

/** Counts the bytes that it reads of an endless response, in pieces of 1000. */
function takenOf(start: string, more: string): { bytes: number; problem: string | undefined } {
  const reader = new HttpResponseReader(100);
  reader.push(Buffer.from(start));
  const piece = Buffer.alloc(1000, more);
  let bytes = 0;
  while (reader.problem === undefined && !reader.done && bytes < 1_000_000) {
    reader.push(piece);
    bytes += piece.length;
  }
  return { bytes, problem: reader.problem };
}

describe(HttpResponseReader, () => {
  it.each([1, 2, 3, 7, 1000])('reads the same in pieces of %i bytes', (pieceBytes) => {
    const text =
      'HTTP/1.1 100 Continue\r\nLocation: no\r\n\r\nHTTP/1.1 302 Found\nLocation:  /x \r\nLOCATION: /y\r\n' +
      'transfer-encoding: gzip , Chunked\r\n\r\n3;a="b"\r\nabc\r\nA \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n';
    const reader = read(text, pieceBytes);
    expect(reader.problem).toBeUndefined();
    expect(reader.head).toEqual({ status: 302, location: '/x' });
    expect([reader.body(), reader.done]).toEqual(['abc0123456789', true]);
  });

  it.each([
    ['chunk sizes', CHUNKED, '0', 'header line too long', 5000],
    ['chunk extensions', `${CHUNKED}5;a=`, 'x', 'header line too long', 5000],
    ['blanks behind a chunk', `${CHUNKED}1\r\nx`, ' ', 'header line too long', 5000],
    ['status lines', 'HTTP/1.1 200 ', 'x', 'response head is too long', 263_000],
    ['field values', 'HTTP/1.1 200 OK\r\nA: ', 'x', 'response head is too long', 263_000],
    ['fields', 'HTTP/1.1 200 OK\r\n', 'A: b\r\n', 'response head is too long', 263_000],
    ['interim answers', '', 'HTTP/1.1 100 Yes\r\n\r\n', 'response head is too long', 263_000],
  ])('stops when %s never end', (_, start, more, problem, most) => {
    const taken = takenOf(start, more);
    expect(taken.problem).toBe(problem);
    expect(taken.bytes).toBeLessThanOrEqual(most);
  });

  it.each([1, 7, 1000])(
    'ends the body at its announced length, in pieces of %i bytes',
    (pieceBytes) => {
      const reader = read(
        'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and what follows',
        pieceBytes,
      );
      expect(reader.body()).toBe('hello');
      expect(reader.done).toBe(true);
    },
  );

  it('reads a long head that arrives byte by byte only once', () => {
    const head = `HTTP/1.1 204 No\r\n${'A: b\r\n'.repeat(42_000)}\r\n`;
    expect(read(head, 1).head?.status).toBe(204);
  });

  it('stops at chunks that consist almost entirely of extensions', () => {
    const chunk = `1;${'x'.repeat(3000)}\r\nx\r\n`;
    expect(read(CHUNKED + chunk.repeat(5)).problem).toBeUndefined();
    expect(read(CHUNKED + chunk.repeat(6)).problem).toBe(
      'chunked encoding contains too much non-data',
    );
  });
});
