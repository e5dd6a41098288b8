import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger } from '@nodeagent/base/testing';
import { createNetns, type Netns, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { createFilterProgram } from '../../src/node/adapters/filter-program.js';
import { keepUtilChains } from '../../src/node/run/index.js';

let netns: Netns;
beforeAll(async () => {
  netns = await createNetns();
});
afterAll(() => netns.remove());

it('iptables gets the chains for other components once, in both families', async () => {
  const program = createFilterProgram(['nsenter', `--net=${netns.path}`, '--']);
  const rulesOf = async (family: 'IPv4' | 'IPv6', table: string): Promise<string> => {
    const signal = new AbortController().signal;
    const result = await program.run(family, ['-t', table, '-S'], signal);
    return result?.output ?? '';
  };
  for (let round = 0; round < 2; round += 1) {
    const [end, log] = [new AbortController(), new MemoryLogger()];
    const running = keepUtilChains({ program, clock: createSystemClock(), log }, end.signal);
    const isDone = async () =>
      log.lines.filter(({ message }) => message.startsWith('iptables has the chains')).length === 2;
    await waitFor(isDone, { what: 'the chains of both families' });
    end.abort();
    await running;
  }
  const lines = (await rulesOf('IPv4', 'filter')).split('\n');
  expect(lines).toEqual([
    ...['-P INPUT ACCEPT', '-P FORWARD ACCEPT', '-P OUTPUT ACCEPT'],
    ...['-N KUBE-FIREWALL', '-N KUBE-KUBELET-CANARY'],
    ...['-A INPUT -j KUBE-FIREWALL', '-A OUTPUT -j KUBE-FIREWALL'],
    '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
  ]);
  for (const family of ['IPv4', 'IPv6'] as const) {
    expect(await rulesOf(family, 'mangle')).toMatch(
      /-N KUBE-IPTABLES-HINT\n-N KUBE-KUBELET-CANARY/,
    );
    expect(await rulesOf(family, 'nat')).toContain('-N KUBE-KUBELET-CANARY');
  }
  expect(await rulesOf('IPv6', 'filter')).not.toContain('KUBE-FIREWALL');
});
