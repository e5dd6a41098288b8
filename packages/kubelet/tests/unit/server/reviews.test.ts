import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import { createReviews, Doorkeeper } from '../../../src/server/index.js';
import { Refusal } from '../../../src/server/model/exchange.js';
import type { NodeRequest } from '../../../src/server/model/exchange.js';
import { ExpiringCache } from '../../../src/server/plan/expiring-cache.js';
import type { Reviews } from '../../../src/server/ports.js';

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
    return { ...(review as Asked), status: answer(review as Asked) } as never;
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
  it('asks about one part of one node', async () => {
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
    ['no that outdoes a yes', { allowed: true, denied: true }, 30_000],
  ])('keeps a %s for its time', async (_name, status, ttlMs) => {
    answer = () => status;
    await reviews.isAllowed(question, never);
    await clock.advance(ttlMs - 1);
    await reviews.isAllowed(question, never);
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    await reviews.isAllowed(question, never);
    expect(asked).toHaveLength(2);
  });

  it('keeps whose a token is, and that it is nobody’s', async () => {
    expect(await reviews.identityOf('t', never)).toMatchObject({ user: 'jane' });
    answer = () => ({ authenticated: false, user: { username: 'root' } });
    expect(await reviews.identityOf('u', never)).toBeUndefined();
    await reviews.identityOf('t', never);
    await reviews.identityOf('u', never);
    expect(asked).toHaveLength(2);
    await clock.advance(120_000);
    expect(await reviews.identityOf('t', never)).toBeUndefined();
  });

  it('does not keep a failure', async () => {
    answer = () => {
      throw new Error('away');
    };
    await expect(reviews.isAllowed(question, never)).rejects.toThrow('away');
    answer = () => ({ allowed: true });
    expect(await reviews.isAllowed(question, never)).toBe(true);
  });

  it('sends a question once, however many ask it at a time', async () => {
    await Promise.all(Array.from({ length: 50 }, () => reviews.identityOf('t', never)));
    expect(asked).toHaveLength(1);
  });

  it('has a bounded number of questions under way', async () => {
    const gate = Promise.withResolvers<object>();
    answer = () => gate.promise;
    const all = Array.from({ length: 100 }, (_, i) => reviews.identityOf(`t${i}`, never));
    const outcomes = Promise.allSettled(all);
    gate.resolve({});
    const failed = (await outcomes).filter(({ status }) => status === 'rejected');
    expect(failed).toHaveLength(36);
  });
});

describe(ExpiringCache, () => {
  it('lets go of what came first when it is full', () => {
    const cache = new ExpiringCache<number>(2);
    for (const [i, key] of ['a', 'b', 'c'].entries()) cache.put(key, i, 10);
    expect(['a', 'b', 'c'].map((key) => cache.get(key, 0))).toEqual([undefined, 1, 2]);
    expect(cache.size).toBe(2);
  });
});

describe(Doorkeeper, () => {
  const request = (credentials: NodeRequest['credentials'], path = '/pods'): NodeRequest => {
    return { method: 'GET', path, query: new URLSearchParams(), credentials, upgrade: false };
  };
  const outcome = async (rules: object, wanted: NodeRequest): Promise<string | number> => {
    const all = { anonymous: false, tokens: true, authorization: 'Webhook', ...rules } as const;
    const keeper = new Doorkeeper(all, { reviews, log: new MemoryLogger(), lifetime: never });
    return keeper.admit(wanted).then(
      ({ user }) => user,
      (error: unknown) => (error instanceof Refusal ? error.answer.status : String(error)),
    );
  };
  const certificate = { user: 'cert', groups: [] };

  it.each([
    ['nothing', {}, {}, 401],
    ['nothing, where anybody may come', { anonymous: true }, {}, 'system:anonymous'],
    ['a certificate', {}, { certificate }, 'cert'],
    ['a certificate and a token', {}, { certificate, authorization: 'Bearer t' }, 'cert'],
    ['a token', {}, { authorization: 'Bearer t' }, 'jane'],
    ['a token, spelt otherwise', {}, { authorization: 'bearer  t ' }, 'jane'],
    ['a password', {}, { authorization: 'Basic dDp0' }, 401],
    ['a token, where none is asked about', { tokens: false }, { authorization: 'Bearer t' }, 401],
  ])('makes of %s what it should', async (_name, rules, credentials, want) => {
    expect(await outcome(rules, request(credentials))).toBe(want);
  });

  it('takes a bad token for nobody, not for anybody', async () => {
    answer = () => ({ authenticated: false });
    const wanted = request({ authorization: 'Bearer t' });
    expect(await outcome({ anonymous: true }, wanted)).toBe(401);
  });

  it('lets nobody in while the API server does not say', async () => {
    answer = () => {
      throw new Error('away');
    };
    expect(await outcome({}, request({ certificate }))).toBe(500);
    expect(await outcome({}, request({ authorization: 'Bearer t' }))).toBe(401);
  });

  it('asks for the next part where the first is not allowed', async () => {
    answer = ({ spec }) => {
      const { subresource } = spec['resourceAttributes'] as { subresource: string };
      return { allowed: subresource === 'proxy' };
    };
    expect(await outcome({}, request({ certificate }))).toBe('cert');
    expect(await outcome({}, request({ certificate }, '/stats/summary'))).toBe(403);
  });

  it('asks nobody where everything is allowed', async () => {
    const open = { authorization: 'AlwaysAllow' };
    expect(await outcome(open, request({ certificate }))).toBe('cert');
    expect(asked).toHaveLength(0);
  });
});
