import { beforeEach, describe, expect, it } from 'vitest';

import { chainNames, type Iptables, parseSave, renderAppend, type Rule } from '../../src/index.js';

const signal = new AbortController().signal;
const toA: Rule = {
  matches: [{ kind: 'comment', text: 'two words' }],
  target: { kind: 'jump', chain: 'TEST-A' },
};
const placed = { table: 'nat', chain: 'OUTPUT', rule: toA } as const;

/** Tests that every implementation of the port passes, starting from empty tables. */
export function iptablesContract(name: string, create: () => Promise<Iptables>): void {
  describe(name, () => {
    let iptables: Iptables;
    beforeEach(async () => {
      iptables = await create();
    });
    const rulesOf = async (chain: string): Promise<readonly string[]> => {
      const [table] = parseSave(await iptables.save('nat', signal));
      const found = table?.chains.find((candidate) => candidate.name === chain);
      return (found?.rules ?? []).map((rule) => renderAppend(chain, rule));
    };

    it('creates a chain once', async () => {
      expect(await iptables.chainExists('nat', 'TEST-A', signal)).toBe(false);
      expect(await iptables.ensureChain('nat', 'TEST-A', signal)).toBe('created');
      expect(await iptables.ensureChain('nat', 'TEST-A', signal)).toBe('existed');
      expect(await iptables.chainExists('nat', 'TEST-A', signal)).toBe(true);
      expect(chainNames(await iptables.save('nat', signal))).toContain('TEST-A');
    });

    it('adds a rule once, at the requested end', async () => {
      await iptables.ensureChain('nat', 'TEST-A', signal);
      const drop: Rule = { matches: [], target: { kind: 'return' } };
      expect(await iptables.ensureRule(placed, 'last', signal)).toBe('added');
      expect(await iptables.ensureRule(placed, 'first', signal)).toBe('existed');
      expect(await iptables.ensureRule({ ...placed, rule: drop }, 'first', signal)).toBe('added');
      expect(await rulesOf('OUTPUT')).toEqual([
        '-A OUTPUT -j RETURN',
        '-A OUTPUT -m comment --comment "two words" -j TEST-A',
      ]);
    });

    it('deletes a rule, then the chain that it referred to', async () => {
      await iptables.ensureChain('nat', 'TEST-A', signal);
      await iptables.ensureRule(placed, 'last', signal);
      await expect(iptables.deleteChain('nat', 'TEST-A', signal)).rejects.toMatchObject({
        name: 'NetfilterError',
      });
      expect(await iptables.deleteRule(placed, signal)).toBe('deleted');
      expect(await iptables.deleteRule(placed, signal)).toBe('absent');
      expect(await iptables.deleteChain('nat', 'TEST-A', signal)).toBe('deleted');
      expect(await iptables.deleteChain('nat', 'TEST-A', signal)).toBe('absent');
    });

    it('reports absent for a rule to a chain that never existed', async () => {
      expect(await iptables.deleteRule(placed, signal)).toBe('absent');
    });

    it('replaces restored chains and leaves the others alone', async () => {
      const first = ['-A TEST-A -j RETURN\n-A TEST-B -j TEST-A\n'];
      await iptables.restore([{ name: 'nat', chains: ['TEST-A', 'TEST-B'], lines: first }], signal);
      const second = ['-A TEST-A -j ACCEPT\n'];
      await iptables.restore([{ name: 'nat', chains: ['TEST-A'], lines: second }], signal);
      expect(await rulesOf('TEST-A')).toEqual(['-A TEST-A -j ACCEPT']);
      expect(await rulesOf('TEST-B')).toEqual(['-A TEST-B -j TEST-A']);
    });

    it('removes a chain and its rules in one restore', async () => {
      const lines = ['-A TEST-A -j RETURN\n'];
      await iptables.restore([{ name: 'nat', chains: ['TEST-A'], lines }], signal);
      await iptables.restore([{ name: 'nat', chains: ['TEST-A'], lines: ['-X TEST-A\n'] }], signal);
      expect(chainNames(await iptables.save('nat', signal))).not.toContain('TEST-A');
    });

    it('changes nothing when one line is bad', async () => {
      const lines = ['-A TEST-A -j ACCEPT\n', '-A TEST-A -j NO-SUCH-CHAIN\n'];
      const restore = iptables.restore([{ name: 'nat', chains: ['TEST-A'], lines }], signal);
      await expect(restore).rejects.toMatchObject({ code: 'NETFILTER_COMMAND_FAILED' });
      expect(chainNames(await iptables.save('nat', signal))).not.toContain('TEST-A');
    });
  });
}
