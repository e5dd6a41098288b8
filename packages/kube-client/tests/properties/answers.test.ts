import assert from 'node:assert/strict';

import {
  checkReader,
  mapped,
  mutatedBytes,
  mutatedTexts,
  mutatedTrees,
  oneOf,
} from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { RECORDED_WATCHES, recordedWatchLines } from '../../../../vitest.recorded.js';
import { errorFromAnswer } from '../../src/codec/status-error.js';
import { decodeWatchEvent, LineSplitter } from '../../src/codec/watch-stream.js';
import { isKubeError } from '../../src/index.js';

const REFUSED = {
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: 'too old resource version: 1 (34546)',
  reason: 'Expired',
  code: 410,
  details: {
    name: 'x',
    kind: 'pods',
    causes: [{ reason: 'FieldValueInvalid', message: 'm', field: 'f' }],
    retryAfterSeconds: 1,
  },
};

describe('Answers of an API server', () => {
  const lines = RECORDED_WATCHES.flatMap(recordedWatchLines);
  const trees = mutatedTrees(lines.map((line) => JSON.parse(line) as unknown));

  test('every line of a watch is an event or a KubeError', () =>
    checkReader({
      name: 'decodeWatchEvent',
      inputs: oneOf(mapped(trees, text), mutatedTexts(lines)),
      read: (line) => {
        const event = decodeWatchEvent(line, 'GET /api/v1/pods');
        if (event.type === 'bookmark') assert.equal(typeof event.resourceVersion, 'string');
        else assert.equal(typeof event.object, 'object');
      },
      refuses: isKubeError,
      share: 4000,
    }));

  test('an ERROR event is a KubeError with a code, an HTTP status and a delay that are well formed', () =>
    checkReader({
      name: 'ERROR event',
      inputs: mapped(mutatedTrees([REFUSED]), (object) => text({ type: 'ERROR', object })),
      read: (line) => {
        try {
          decodeWatchEvent(line, 'GET /api/v1/pods');
          assert.fail('it is returned as an event');
        } catch (error) {
          checkRefusal(error);
        }
      },
    }));

  test('every body of a refusal is a KubeError', () =>
    checkReader({
      name: 'errorFromAnswer',
      inputs: oneOf(
        mapped(mutatedTrees([REFUSED]), text),
        mutatedTexts([text(REFUSED), '<html><body>502 Bad Gateway</body></html>']),
      ),
      read: (body) => {
        checkRefusal(errorFromAnswer({ asked: 'GET /api/v1/pods', httpStatus: 410, text: body }));
      },
    }));

  test('every Retry-After header is a delay or none', () =>
    checkReader({
      name: 'Retry-After',
      inputs: mutatedTexts(['30', ' 1 ', 'Wed, 21 Oct 2026 07:28:00 GMT']),
      read: (retryAfter) => {
        checkRefusal(errorFromAnswer({ asked: 'GET /', httpStatus: 429, text: '', retryAfter }));
      },
    }));

  test('lines come out of a stream whole for any chunk boundaries', () =>
    checkReader({
      name: 'LineSplitter',
      inputs: mutatedBytes(lines.slice(0, 6).map((line) => Buffer.from(`${line}\n`))),
      read: (bytes) => {
        const splitter = new LineSplitter();
        const step = 1 + (bytes.length % 251);
        const found: string[] = [];
        for (let at = 0; at < bytes.length; at += step) {
          found.push(...splitter.push(bytes.subarray(at, at + step)));
        }
        const [...whole] = cut(bytes);
        const last = whole.pop();
        assert.deepEqual(
          found,
          whole.filter((line) => line.length > 0).map((line) => line.toString('utf8')),
        );
        assert.equal(splitter.pendingBytes, last?.length);
      },
    }));
});

function checkRefusal(error: unknown): void {
  if (!isKubeError(error)) throw error;
  const { httpStatus, retryAfterMs, message } = error;
  assert.equal(typeof message, 'string');
  if (httpStatus !== undefined) assert.ok(Number.isInteger(httpStatus), `status ${httpStatus}`);
  if (retryAfterMs !== undefined) {
    assert.ok(Number.isSafeInteger(retryAfterMs) && retryAfterMs >= 0, `delay ${retryAfterMs}`);
  }
}

function cut(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
    parts.push(bytes.subarray(from, at));
    from = at + 1;
  }
  return [...parts, bytes.subarray(from)];
}

/** JSON, or another text when a value is too deep for `JSON.stringify`. */
function text(value: unknown): string {
  try {
    const json = JSON.stringify(value) as string | undefined; // undefined has no JSON
    return json ?? '';
  } catch {
    return `{"type":"ERROR","object":{"message":${'['.repeat(10_000)}${']'.repeat(10_000)}}}`;
  }
}
