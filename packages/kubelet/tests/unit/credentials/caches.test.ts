import { formatTimestamp } from '@nodeagent/base';
import { ManualClock } from '@nodeagent/base/testing';
import { type KubeClient, KubeError } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { createObjectCache, createTokenCache } from '../../../src/credentials/run/index.js';

const { signal } = new AbortController();

describe(createTokenCache, () => {
  function setUp() {
    const clock = new ManualClock();
    const bodies: unknown[] = [];
    let failing = false;
    const refusals: number[] = [];
    let refusedUntilMs = 0;
    const client = {
      createSubresource: async (target: unknown, body: { spec: { expirationSeconds: number } }) => {
        if (failing) throw new KubeError('KUBE_UNAVAILABLE', 'away');
        if (clock.monotonicMs() < refusedUntilMs) {
          refusals.push(clock.monotonicMs());
          throw new KubeError('KUBE_FORBIDDEN', 'no relationship found');
        }
        bodies.push({ target, body });
        const expiresMs = clock.nowMs() + body.spec.expirationSeconds * 1000;
        return {
          status: { token: `t${bodies.length}`, expirationTimestamp: formatTimestamp(expiresMs) },
        };
      },
    } as unknown as KubeClient;
    const late: unknown[] = [];
    const onRenewalFailed = (_: unknown, error: unknown): void => void late.push(error);
    const cache = createTokenCache({ client, clock, random: () => 0, onRenewalFailed });
    const pod = {
      metadata: { name: 'p', namespace: 'ns', uid: 'u' },
      spec: { serviceAccountName: 'sa', containers: [] },
    };
    const token = (audience?: string) =>
      cache.token(pod, { expirationSeconds: 3600, ...(audience && { audience }) }, signal);
    const fail = (value: boolean) => void (failing = value);
    const refuseForMs = (ms: number) => void (refusedUntilMs = clock.monotonicMs() + ms);
    return { clock, bodies, late, cache, token, fail, refusals, refuseForMs };
  }

  it('requests a token bound to the pod once, and again after four fifths of its lifetime', async () => {
    const { clock, bodies, token } = setUp();
    expect([await token(), await token()]).toEqual(['t1', 't1']);
    expect(bodies[0]).toMatchObject({
      target: { name: { namespace: 'ns', name: 'sa' }, subresource: 'token' },
      body: { spec: { audiences: [], boundObjectRef: { kind: 'Pod', name: 'p', uid: 'u' } } },
    });
    await clock.advance(2_879_000);
    expect(await token()).toBe('t1');
    await clock.advance(2_000);
    expect(await token()).toBe('t2');
  });

  it.each([
    { token: 7, expirationTimestamp: '2099-01-01T00:00:00Z' },
    { token: '', expirationTimestamp: '2099-01-01T00:00:00Z' },
    { token: 't', expirationTimestamp: 7 },
    undefined,
  ])('refuses the answer %j', async (status) => {
    const client = { createSubresource: async () => ({ status }) } as unknown as KubeClient;
    const clock = new ManualClock();
    const cache = createTokenCache({
      ...{ client, clock, random: () => 0 },
      onRenewalFailed: () => undefined,
    });
    const pod = { metadata: { name: 'p', namespace: 'ns', uid: 'u' } };
    const asked = cache.token(pod, { expirationSeconds: 3600 }, signal);
    await expect(asked).rejects.toThrow('returned no token');
  });

  it('separates tokens by audience, and forgets those of a removed pod', async () => {
    const { cache, token } = setUp();
    expect([await token(), await token('vault'), await token()]).toEqual(['t1', 't2', 't1']);
    cache.forget('u');
    expect(await token()).toBe('t3');
  });

  it('retries while the API server does not know the binding yet', async () => {
    const { clock, token, refusals, refuseForMs } = setUp();
    const beganMs = clock.monotonicMs();
    refuseForMs(600);
    const asked = token();
    await clock.advance(700);
    expect(await asked).toBe('t1');
    expect(refusals.map((ms) => ms - beganMs)).toEqual([0, 100, 300]);
  });

  it('passes refusals on after two seconds, and immediately from then on', async () => {
    const { clock, token, refusals, refuseForMs } = setUp();
    const beganMs = clock.monotonicMs();
    refuseForMs(60_000);
    const refused = expect(token()).rejects.toThrow('no relationship found');
    await clock.advance(2000);
    await refused;
    expect(refusals.map((ms) => ms - beganMs)).toEqual([0, 100, 300, 700, 1500, 2000]);
    await expect(token()).rejects.toThrow('no relationship found');
    await clock.advance(60_000);
    expect(await token()).toBe('t1');
  });

  it('returns the old token while it is valid', async () => {
    const { clock, late, token, fail } = setUp();
    await token();
    fail(true);
    await clock.advance(3_000_000);
    expect(await token()).toBe('t1');
    expect(late).toHaveLength(1);
    await clock.advance(600_001);
    await expect(token()).rejects.toThrow('away');
  });

  it('renews a token after the clock was set back', async () => {
    const { clock, token } = setUp();
    await token();
    clock.jumpWall(clock.nowMs() - 3_600_000);
    expect(await token()).toBe('t2');
  });
});

describe(createObjectCache, () => {
  function setUp(answer: () => Promise<object>) {
    const clock = new ManualClock();
    let asked = 0;
    const client = {
      get: () => {
        asked += 1;
        return answer();
      },
    } as unknown as KubeClient;
    const cache = createObjectCache({ client, clock, ttlMs: () => 1000 }, signal);
    return { clock, cache, get: () => cache.configMap('ns', 'a', signal), asked: () => asked };
  }

  it('requests an object once for many pods, and again after its time to live', async () => {
    const { clock, get, asked } = setUp(async () => ({ data: { a: '1' } }));
    await Promise.all([get(), get(), get()]);
    expect(asked()).toBe(1);
    await clock.advance(1000);
    await get();
    expect(asked()).toBe(2);
  });

  it('caches immutable objects longer', async () => {
    const { clock, get, asked } = setUp(async () => ({ immutable: true }));
    await get();
    await clock.advance(9000);
    await get();
    expect(asked()).toBe(1);
  });

  it('reads the current object for a new pod', async () => {
    const { cache, get, asked } = setUp(async () => ({ data: { a: '1' } }));
    await get();
    const pod = {
      metadata: { namespace: 'ns', uid: 'u' },
      spec: { containers: [{ name: 'c', envFrom: [{ configMapRef: { name: 'a' } }] }] },
    };
    cache.follow(pod);
    await get();
    cache.follow(pod);
    await get();
    expect(asked()).toBe(2);
  });

  it('requests missing and unreadable objects again immediately', async () => {
    const gone = setUp(() => Promise.reject(new KubeError('KUBE_NOT_FOUND', 'no')));
    expect([await gone.get(), await gone.get()]).toEqual([undefined, undefined]);
    expect(gone.asked()).toBe(2);
    const away = setUp(() => Promise.reject(new KubeError('KUBE_UNAVAILABLE', 'away')));
    await expect(away.get()).rejects.toThrow('away');
    await expect(away.get()).rejects.toThrow('away');
    expect(away.asked()).toBe(2);
  });
  it('retries while the API server does not know the binding yet', async () => {
    const beganMs = new ManualClock().monotonicMs();
    const { clock, get, asked } = setUp(async () => {
      if (clock.monotonicMs() - beganMs < 600) throw new KubeError('KUBE_FORBIDDEN', 'not yet');
      return { data: { a: '1' } };
    });
    const both = Promise.all([get(), get()]);
    await clock.advance(700);
    expect(await both).toEqual([{ data: { a: '1' } }, { data: { a: '1' } }]);
    expect(asked()).toBe(4);
  });

  it('passes refusals on after two seconds, then immediately until a new pod refers to the object', async () => {
    const { clock, cache, get, asked } = setUp(() =>
      Promise.reject(new KubeError('KUBE_FORBIDDEN', 'no relationship found')),
    );
    const refused = expect(get()).rejects.toThrow('no relationship found');
    await clock.advance(2000);
    await refused;
    expect(asked()).toBe(6);
    await expect(get()).rejects.toThrow('no relationship found');
    expect(asked()).toBe(7);
    cache.follow({
      metadata: { namespace: 'ns', uid: 'u' },
      spec: { containers: [{ name: 'c', envFrom: [{ configMapRef: { name: 'a' } }] }] },
    });
    const anew = expect(get()).rejects.toThrow('no relationship found');
    await clock.advance(2000);
    await anew;
    expect(asked()).toBe(13);
  });
});
