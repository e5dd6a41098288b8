import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type NodeRequest, Refusal } from '../../../src/server/model/exchange.js';
import { ExpiringCache } from '../../../src/server/plan/expiring-cache.js';
import type { Reviews } from '../../../src/server/ports.js';
import { createReviews, Doorkeeper } from '../../../src/server/run/index.js';
import { TooManyQuestions } from '../../../src/server/run/questions.js';

const never = new AbortController().signal;
const identity = { user: 'jane', groups: ['system:authenticated'] };
const question = { identity, verb: 'get', subresource: 'proxy' };

interface Asked {
  readonly kind: string;
  readonly spec: Record<string, unknown>;
}

let clock: ManualClock;
let asked: Asked[];
let answer: (review: Asked) => unknown;
let reviews: Reviews;

beforeEach(() => {
  clock = new ManualClock();
  asked = [];
  answer = () => ({ allowed: true, authenticated: true, user: { username: 'jane' } });
  const create = async (_resource: unknown, review: unknown): Promise<never> => {
    asked.push(review as Asked);
    return { ...(review as Asked), status: await answer(review as Asked) } as never;
  };
  reviews = createReviews({
    client: { create },
    clock,
    nodeName: 'n1',
    digest: (text) => `digest of ${text}`,
    tokenTtlMs: 120_000,
    authorizedTtlMs: 300_000,
    unauthorizedTtlMs: 30_000,
  });
});

describe(createReviews, () => {
  it('asks about one subresource of one node', async () => {
    expect(await reviews.isAllowed(question, never)).toBe(true);
    expect(asked[0]).toMatchObject({
      kind: 'SubjectAccessReview',
      spec: {
        user: 'jane',
        groups: ['system:authenticated'],
        resourceAttributes: { verb: 'get', resource: 'nodes', subresource: 'proxy', name: 'n1' },
      },
    });
  });

  it.each([
    ['yes', { allowed: true }, 300_000],
    ['no', { allowed: false }, 30_000],
    ['denial that overrides a yes', { allowed: true, denied: true }, 30_000],
  ])('caches a %s for its time', async (_name, status, ttlMs) => {
    answer = () => status;
    await reviews.isAllowed(question, never);
    await clock.advance(ttlMs - 1);
    await reviews.isAllowed(question, never);
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    await reviews.isAllowed(question, never);
    expect(asked).toHaveLength(2);
  });

  it('caches valid and invalid tokens', async () => {
    expect(await reviews.identityOf('t', 'peer', never)).toMatchObject({ user: 'jane' });
    answer = () => ({ authenticated: false, user: { username: 'root' } });
    expect(await reviews.identityOf('u', 'peer', never)).toBeUndefined();
    await reviews.identityOf('t', 'peer', never);
    await reviews.identityOf('u', 'peer', never);
    expect(asked).toHaveLength(2);
    await clock.advance(120_000);
    expect(await reviews.identityOf('t', 'peer', never)).toBeUndefined();
  });

  it('does not cache a failure', async () => {
    answer = () => {
      throw new Error('away');
    };
    await expect(reviews.isAllowed(question, never)).rejects.toThrow('away');
    answer = () => ({ allowed: true });
    expect(await reviews.isAllowed(question, never)).toBe(true);
  });

  it('sends simultaneous identical questions once', async () => {
    await Promise.all(Array.from({ length: 50 }, () => reviews.identityOf('t', 'peer', never)));
    expect(asked).toHaveLength(1);
  });

  describe('while unauthenticated clients flood it', () => {
    let gate: PromiseWithResolvers<object>;

    /** Checks one token from each of `count` addresses. @returns the number of refused reviews */
    async function flood(count: number, from = (i: number) => `10.0.0.${i}`): Promise<number> {
      const all = Array.from({ length: count }, (_, i) =>
        reviews.identityOf(`stranger ${i}`, from(i), never),
      );
      let refused = 0;
      gates.push(...all.map((one) => one.catch(() => (refused += 1))));
      await new Promise(setImmediate);
      return refused;
    }
    const gates: Promise<unknown>[] = [];

    beforeEach(() => {
      gate = Promise.withResolvers();
    });
    afterEach(async () => {
      gate.resolve({});
      await Promise.all(gates.splice(0));
    });
    const hold = ({ spec }: Asked): unknown =>
      String(spec['token']).startsWith('stranger') || spec['user'] === 'stranger'
        ? gate.promise
        : { allowed: true, authenticated: true, user: { username: 'jane' } };

    it('limits each origin to a small share', async () => {
      answer = hold;
      expect(await flood(100, () => '10.0.0.1')).toBe(92);
      expect(await reviews.identityOf('t', '10.0.0.2', never)).toMatchObject({ user: 'jane' });
    });

    it('keeps a reserve for known callers', async () => {
      answer = hold;
      await reviews.identityOf('t', 'peer', never);
      await clock.advance(120_000);
      expect(await flood(100)).toBe(52);
      await expect(reviews.identityOf('new', 'peer', never)).rejects.toThrow('in progress');
      expect(await reviews.identityOf('t', 'peer', never)).toMatchObject({ user: 'jane' });
    });

    it('still sends authorization reviews', async () => {
      answer = hold;
      await flood(100);
      expect(await reviews.isAllowed(question, never)).toBe(true);
    });

    it('limits the share of a known caller without permissions', async () => {
      answer = hold;
      const stranger = { user: 'stranger', groups: [] };
      const all = Array.from({ length: 100 }, (_, i) =>
        reviews.isAllowed({ identity: stranger, verb: 'get', subresource: `s${i}` }, never),
      );
      gates.push(...all.map((one) => one.catch(() => undefined)));
      expect(await reviews.isAllowed(question, never)).toBe(true);
    });
  });

  it('keeps a positive answer through any number of negative ones', async () => {
    await reviews.identityOf('t', 'peer', never);
    await reviews.isAllowed(question, never);
    answer = () => ({ allowed: false, authenticated: false });
    for (let i = 0; i < 5000; i += 1) {
      await reviews.identityOf(`stranger ${i}`, 'peer', never);
      await reviews.isAllowed({ ...question, subresource: `s${i}` }, never);
    }
    asked.length = 0;
    expect(await reviews.identityOf('t', 'peer', never)).toMatchObject({ user: 'jane' });
    expect(await reviews.isAllowed(question, never)).toBe(true);
    expect(asked).toHaveLength(0);
  });

  it('refuses a token that has become invalid', async () => {
    await reviews.identityOf('t', 'peer', never);
    answer = () => ({ authenticated: false });
    await clock.advance(120_000);
    expect(await reviews.identityOf('t', 'peer', never)).toBeUndefined();
    expect(await reviews.identityOf('t', 'peer', never)).toBeUndefined();
    expect(asked).toHaveLength(2);
  });
});

describe(ExpiringCache, () => {
  it('evicts the least recently used entry when it is full', () => {
    const cache = new ExpiringCache<number>(2);
    for (const [i, key] of ['a', 'b', 'c'].entries()) {
      cache.put(key, i, 10);
      cache.get('a', 0);
    }
    expect(['a', 'b', 'c'].map((key) => cache.get(key, 0))).toEqual([0, undefined, 2]);
    expect(cache.size).toBe(2);
  });
});

describe(Doorkeeper, () => {
  const request = (credentials: NodeRequest['credentials'], path = '/pods'): NodeRequest => {
    return { method: 'GET', path, query: new URLSearchParams(), credentials, upgrade: false };
  };
  const outcome = async (rules: object, wanted: NodeRequest): Promise<string | number> => {
    const all = { anonymous: false, tokens: true, authorization: 'Webhook', ...rules } as const;
    const keeper = new Doorkeeper(all, {
      reviews,
      log: new MemoryLogger(),
      clock,
      lifetime: never,
    });
    return keeper.admit(wanted).then(
      ({ user }) => user,
      (error: unknown) => (error instanceof Refusal ? error.answer.status : String(error)),
    );
  };
  const certificate = { user: 'cert', groups: [] };

  it.each([
    ['nothing', {}, {}, 401],
    ['no credentials with anonymous access', { anonymous: true }, {}, 'system:anonymous'],
    ['a certificate', {}, { certificate }, 'cert'],
    ['a certificate and a token', {}, { certificate, authorization: 'Bearer t' }, 'cert'],
    ['a token', {}, { authorization: 'Bearer t' }, 'jane'],
    ['a token with unusual spacing and case', {}, { authorization: 'bearer  t ' }, 'jane'],
    ['a password', {}, { authorization: 'Basic dDp0' }, 401],
    [
      'a token without webhook authentication',
      { tokens: false },
      { authorization: 'Bearer t' },
      401,
    ],
  ])('identifies %s', async (_name, rules, credentials, want) => {
    expect(await outcome(rules, request(credentials))).toBe(want);
  });

  it('refuses an invalid token instead of treating it as anonymous', async () => {
    answer = () => ({ authenticated: false });
    const wanted = request({ authorization: 'Bearer t' });
    expect(await outcome({ anonymous: true }, wanted)).toBe(401);
  });

  it('answers 429 when too many reviews are in progress', async () => {
    answer = () => {
      throw new TooManyQuestions('64 reviews are already in progress');
    };
    expect(await outcome({}, request({ certificate }))).toBe(429);
    expect(await outcome({}, request({ authorization: 'Bearer t' }))).toBe(429);
  });

  it('refuses everyone while the API server does not answer', async () => {
    answer = () => {
      throw new Error('away');
    };
    expect(await outcome({}, request({ certificate }))).toBe(500);
    expect(await outcome({}, request({ authorization: 'Bearer t' }))).toBe(401);
  });

  it('logs one line per ten seconds about failed token reviews', async () => {
    answer = () => {
      throw new Error('away');
    };
    const log = new MemoryLogger();
    const rules = { anonymous: false, tokens: true, authorization: 'Webhook' } as const;
    const keeper = new Doorkeeper(rules, { reviews, log, clock, lifetime: never });
    const show = (token: string) => expect(admitted(keeper, token)).rejects.toThrow(Refusal);
    for (let i = 0; i < 100; i += 1) await show(`t${i}`);
    await clock.advance(10_000);
    await show('later');
    expect(log.lines.map(({ fields }) => fields['suppressed'])).toEqual([undefined, 99]);
  });

  function admitted(keeper: Doorkeeper, token: string) {
    return keeper.admit(request({ authorization: `Bearer ${token}` }));
  }

  it('asks about the next subresource if the first is denied', async () => {
    answer = ({ spec }) => {
      const { subresource } = spec['resourceAttributes'] as { subresource: string };
      return { allowed: subresource === 'proxy' };
    };
    expect(await outcome({}, request({ certificate }))).toBe('cert');
    expect(await outcome({}, request({ certificate }, '/stats/summary'))).toBe(403);
  });

  it('sends no review with AlwaysAllow', async () => {
    const open = { authorization: 'AlwaysAllow' };
    expect(await outcome(open, request({ certificate }))).toBe('cert');
    expect(asked).toHaveLength(0);
  });
});
