import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { afterEach, describe, expect, it } from 'vitest';

import type { FilterProgram } from '../../../src/node/index.js';
import { keepUtilChains } from '../../../src/node/run/index.js';

/** An iptables that knows chains and rules by their words. */
class MemoryFilter implements FilterProgram {
  readonly has = new Set<string>();
  readonly installed = new Set(['IPv4', 'IPv6']);
  failure: Readonly<{ exitCode: number; output: string }> | undefined;

  readonly run: FilterProgram['run'] = async (family, [, , , table = '', how = '', ...rest]) => {
    if (!this.installed.has(family)) return undefined;
    if (this.failure !== undefined) return this.failure;
    const [isAsked, isChain] = [how === '-S' || how === '-C', how === '-S' || how === '-N'];
    const key = `${family} ${table} ${isChain ? 'chain ' : ''}${rest.join(' ')}`;
    if (!isAsked) this.has.add(key);
    const isThere = rest[0] === 'POSTROUTING' || this.has.has(key);
    return {
      exitCode: isThere ? 0 : 1,
      output: isThere ? '' : 'No chain/target/match by that name.',
    };
  };
}

let end: AbortController;
let running: Promise<void>;
afterEach(async () => {
  end.abort();
  await running;
});

function start(filter: MemoryFilter): { readonly clock: ManualClock; readonly log: MemoryLogger } {
  const [clock, log] = [new ManualClock(), new MemoryLogger()];
  end = new AbortController();
  running = keepUtilChains({ program: filter, clock, log }, end.signal);
  return { clock, log };
}

async function settled(clock: ManualClock): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await clock.advance(0);
}

const CANARIES = ['IPv4', 'IPv6'].flatMap((family) =>
  ['mangle', 'nat', 'filter'].map((table) => `${family} ${table} chain KUBE-KUBELET-CANARY`),
);

describe(keepUtilChains, () => {
  it('makes the hint for both families, and the firewall for IPv4', async () => {
    const filter = new MemoryFilter();
    await settled(start(filter).clock);
    const local = '--dst 127.0.0.0/8 ! --src 127.0.0.0/8';
    expect([...filter.has].toSorted()).toEqual(
      [
        ...CANARIES,
        'IPv4 mangle chain KUBE-IPTABLES-HINT',
        'IPv6 mangle chain KUBE-IPTABLES-HINT',
        'IPv4 filter chain KUBE-FIREWALL',
        'IPv4 filter OUTPUT -j KUBE-FIREWALL',
        'IPv4 filter INPUT -j KUBE-FIREWALL',
        `IPv4 filter KUBE-FIREWALL -m comment --comment block incoming localnet connections ${local} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`,
      ].toSorted(),
    );
  });

  it('makes them again once another program has flushed every table', async () => {
    const filter = new MemoryFilter();
    const { clock } = start(filter);
    await settled(clock);
    const size = filter.has.size;
    for (const key of filter.has) if (key.includes('mangle')) filter.has.delete(key);
    await clock.advance(62_000);
    expect(filter.has).not.toContain('IPv4 mangle chain KUBE-IPTABLES-HINT');
    filter.has.clear();
    await clock.advance(10_000);
    expect(filter.has.size).toBe(size);
  });

  it('takes no other failure for a flush', async () => {
    const filter = new MemoryFilter();
    const { clock, log } = start(filter);
    await settled(clock);
    filter.failure = { exitCode: 4, output: 'Another app is currently holding the xtables lock.' };
    await clock.advance(120_000);
    expect(log.lines.filter(({ message }) => message.includes('flushed'))).toEqual([]);
  });

  it('tries again after a minute', async () => {
    const filter = new MemoryFilter();
    const { clock } = start(filter);
    const original = filter.run;
    let isBroken = true;
    Object.assign(filter, {
      run: (...call: Parameters<FilterProgram['run']>) =>
        isBroken && call[1].includes('-N')
          ? Promise.resolve({ exitCode: 3, output: 'Permission denied' })
          : original(...call),
    });
    await settled(clock);
    isBroken = false;
    await clock.advance(60_000);
    await settled(clock);
    expect(filter.has).toContain('IPv4 filter chain KUBE-FIREWALL');
  });

  it.each([
    ['without iptables makes nothing', [], 0],
    ['serves the family that the machine has', ['IPv6'], 4],
  ])('%s', async (_, families, size) => {
    const filter = new MemoryFilter();
    filter.installed.clear();
    for (const family of families) filter.installed.add(family);
    await settled(start(filter).clock);
    expect(filter.has.size).toBe(size);
  });
});
