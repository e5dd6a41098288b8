import { describe, expect, it } from 'vitest';

import { type Endpoint, READY } from '../../../../src/model/endpoint.js';
import { parsePortRange } from '../../../../src/model/port-range.js';
import { MOST_REMEMBERED_CLIENTS, RoundRobin } from '../../../../src/plan/userspace/round-robin.js';

const endpoints = (...ips: string[]): Endpoint[] =>
  ips.map((ip) => ({ ip, port: 80, state: READY, hints: undefined }));
const unshuffled = (): number => 0.999_999;
const picks = (balancer: RoundRobin, count: number, client = 'c') =>
  Array.from({ length: count }, (_, i) => balancer.pick(client, i)?.ip);

describe(RoundRobin, () => {
  it('takes endpoints in turn', () => {
    const balancer = new RoundRobin(unshuffled);
    balancer.update(endpoints('a', 'b', 'c'), undefined);
    expect(picks(balancer, 5)).toEqual(['a', 'b', 'c', 'a', 'b']);
  });

  it('names no endpoint when there is none', () => {
    const balancer = new RoundRobin(unshuffled);
    expect(balancer.pick('c', 0)).toBeUndefined();
    balancer.update(endpoints('a'), undefined);
    balancer.update([], undefined);
    expect(balancer.pick('c', 0)).toBeUndefined();
  });

  it('shuffles only when endpoints change', () => {
    const balancer = new RoundRobin(() => 0);
    balancer.update(endpoints('a', 'b', 'c'), undefined);
    expect(picks(balancer, 2)).toEqual(['b', 'c']);
    balancer.update(endpoints('c', 'a', 'b'), undefined);
    expect(picks(balancer, 1)).toEqual(['a']);
    balancer.update(endpoints('a', 'b'), undefined);
    expect(picks(balancer, 2)).toEqual(['b', 'a']);
  });

  it.each([
    { name: 'keeps a client that returns in time', atMs: [0, 900, 1800], want: 'aaa' },
    { name: 'forgets a client that stays away', atMs: [0, 1000, 1999], want: 'abb' },
  ])('with affinity $name', ({ atMs, want }) => {
    const balancer = new RoundRobin(unshuffled);
    balancer.update(endpoints('a', 'b'), 1000);
    expect(atMs.map((ms) => balancer.pick('c', ms)?.ip).join('')).toBe(want);
  });

  it('with affinity gives each client its own endpoint, and a new one after a failure', () => {
    const balancer = new RoundRobin(unshuffled);
    balancer.update(endpoints('a', 'b'), 1000);
    expect([picks(balancer, 2, 'x'), picks(balancer, 2, 'y')]).toEqual([
      ['a', 'a'],
      ['b', 'b'],
    ]);
    expect(balancer.pick('x', 5, true)?.ip).toBe('a');
    expect(balancer.pick('x', 6, true)?.ip).toBe('b');
    expect(balancer.pick('x', 7)?.ip).toBe('b');
  });

  it('with affinity leaves an endpoint that is gone', () => {
    const balancer = new RoundRobin(unshuffled);
    balancer.update(endpoints('a', 'b'), 1000);
    expect(balancer.pick('x', 0)?.ip).toBe('a');
    balancer.update(endpoints('b'), 1000);
    expect(balancer.pick('x', 1)?.ip).toBe('b');
  });

  it('remembers a bounded number of clients', () => {
    const balancer = new RoundRobin(unshuffled);
    balancer.update(endpoints('a', 'b'), 1000);
    for (let i = 0; i <= MOST_REMEMBERED_CLIENTS; i += 1) balancer.pick(`c${i}`, 0);
    expect(balancer.pick('c1', 1)?.ip).toBe('b'); // as before
    expect(balancer.pick('c0', 1)?.ip).toBe('b'); // forgotten: gets the next in turn
  });
});

describe(parsePortRange, () => {
  it.each([
    ['', 'any'],
    ['0', 'any'],
    ['0-0', 'any'],
    ['8000', { first: 8000, count: 1 }],
    ['8000-8099', { first: 8000, count: 100 }],
    ['8000+9', { first: 8000, count: 10 }],
    ['8099-8000', undefined],
    ['65530+9', undefined],
    ['0-5', undefined],
    ['many', undefined],
  ])('of %j', (text, want) => {
    expect(parsePortRange(text)).toEqual(want);
  });
});
