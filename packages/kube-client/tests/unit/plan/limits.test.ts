import { describe, expect, it } from 'vitest';

import { KubeError, type KubeErrorCode, type KubeErrorOptions } from '../../../src/model/errors.js';
import { Lru } from '../../../src/plan/lru.js';
import { decideRetryMs } from '../../../src/plan/retry.js';
import { takeToken, type TokenBucketState, tryTakeToken } from '../../../src/plan/token-bucket.js';

describe('token bucket', () => {
  it('serves callers in order, and never saves more than its burst', () => {
    const rules = { perSecond: 10, burst: 2 };
    let state: TokenBucketState | undefined;
    const waits = [0, 0, 0, 0, 10_000, 10_000, 10_000].map((nowMs) => {
      const taken = takeToken(state, rules, nowMs);
      state = taken.state;
      return taken.waitMs;
    });
    expect(waits).toEqual([0, 0, 100, 200, 0, 0, 100]);
  });

  it('refuses instead of waiting', () => {
    const rules = { perSecond: 1, burst: 1 };
    const first = tryTakeToken(undefined, rules, 0);
    const second = tryTakeToken(first.state, rules, 500);
    const third = tryTakeToken(second.state, rules, 1000);
    expect([first.taken, second.taken, third.taken]).toEqual([true, false, true]);
  });
});

describe(decideRetryMs, () => {
  const reset = { cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }) };
  const refused = { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) };

  it.each<[KubeErrorCode, KubeErrorOptions, string, number, number | undefined]>([
    ['KUBE_TOO_MANY_REQUESTS', { retryAfterMs: 2000 }, 'POST', 0, 2000],
    ['KUBE_SERVER', { retryAfterMs: 1000 }, 'PATCH', 9, 1000],
    ['KUBE_SERVER', { retryAfterMs: 1000 }, 'GET', 10, undefined],
    ['KUBE_SERVER', {}, 'GET', 0, undefined],
    ['KUBE_UNAVAILABLE', reset, 'GET', 0, 0],
    ['KUBE_UNAVAILABLE', reset, 'GET', 1, undefined],
    ['KUBE_UNAVAILABLE', reset, 'POST', 0, undefined],
    ['KUBE_UNAVAILABLE', refused, 'GET', 0, undefined],
    ['KUBE_CONFLICT', { retryAfterMs: 1000 }, 'PUT', 0, undefined],
  ])('%s %j after %s number %i: %s', (code, options, method, retries, expected) => {
    expect(decideRetryMs({ error: new KubeError(code, 'x', options), method, retries })).toBe(
      expected,
    );
  });
});

it('drops the least recently used entry', () => {
  const lru = new Lru<number>(2);
  lru.set('a', 1);
  lru.set('b', 2);
  expect(lru.get('a')).toBe(1);
  lru.set('c', 3);
  expect([lru.get('a'), lru.get('b'), lru.get('c')]).toEqual([1, undefined, 3]);
});
