import { describe, expect, test } from 'vitest';

import { errorFromAnswer } from '../../../src/codec/status-error.js';
import { decodeWatchEvent } from '../../../src/codec/watch-stream.js';
import { KubeError } from '../../../src/index.js';

function refusal(members: object, retryAfter?: string): KubeError {
  const text = JSON.stringify({ kind: 'Status', ...members });
  return errorFromAnswer({ asked: 'GET /api/v1/pods', httpStatus: 429, text, retryAfter });
}

describe('A refusal', () => {
  test.each([
    ['a list', [{}]],
    ['a text', '1'],
    ['negative', -1],
    ['zero', 0],
  ])('has no delay when retryAfterSeconds is %s', (_, retryAfterSeconds) => {
    expect(refusal({ details: { retryAfterSeconds } }).retryAfterMs).toBeUndefined();
  });

  test('limits a delay to what milliseconds can express', () => {
    expect(refusal({}, '9223372036854775808').retryAfterMs).toBe(Number.MAX_SAFE_INTEGER);
    expect(refusal({ details: { retryAfterSeconds: 1e300 } }).retryAfterMs).toBe(
      Number.MAX_SAFE_INTEGER,
    );
    expect(refusal({ details: { retryAfterSeconds: 0.5 } }).retryAfterMs).toBe(500);
  });

  test('does not show a message that is not text', () => {
    expect(refusal({ message: { a: 1 } }).message).toContain('429');
  });

  test.each([
    ['a text', '410'],
    ['a fraction', 410.5],
    ['too great', 1e308],
  ])('has the status 500 when the code of an ERROR event is %s', (_, code) => {
    const line = JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code } });
    expect(() => decodeWatchEvent(line, 'GET /api/v1/pods')).toThrow(
      expect.objectContaining({ name: 'KubeError', httpStatus: 500 }),
    );
  });

  test('is a KubeError when the message of an ERROR event is nested 10,000 levels deep', () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    const line = `{"type":"ERROR","object":{"kind":"Status","message":${deep}}}`;
    expect(() => decodeWatchEvent(line, 'GET /api/v1/pods')).toThrow(KubeError);
  });
});
