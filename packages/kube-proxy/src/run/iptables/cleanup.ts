import { chainNames, type Iptables, type PlacedRule } from '@nodeagent/netfilter';

import { OWN_CHAINS, OWN_JUMPS } from '../../plan/iptables/jumps.js';
import { CHAIN, isServiceChain } from '../../plan/iptables/names.js';
import { PORTAL_CHAIN, PORTAL_CHAINS, PORTAL_JUMPS } from '../../plan/userspace/portal-rules.js';

/**
 * Removes every rule and chain that the iptables and userspace modes make in one family. What is
 * shared with the kubelet (KUBE-FIREWALL, hint and canary chains of the kubelet) stays.
 *
 * @returns what could not be removed, empty when all went well
 */
export async function cleanupIptables(
  iptables: Iptables,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const removal = new Removal(iptables, signal);
  const portals = PORTAL_JUMPS.map(({ jump }) => jump);
  await removal.removeRules([...OWN_JUMPS, ...portals]);
  for (const table of ['nat', 'filter'] as const) {
    const own = [...OWN_CHAINS[table], ...PORTAL_CHAINS[table]];
    await removal.removeChains(
      table,
      (name) => own.includes(name) || (table === 'nat' && isServiceChain(name)),
    );
  }
  await removal.attempt(() => iptables.deleteChain('mangle', CHAIN.canary, signal));
  return removal.failures;
}

/**
 * Removes what the userspace mode left, if it ever ran here: its rules would come before those of
 * the iptables mode.
 *
 * @returns what could not be removed
 */
export async function cleanupPortals(
  iptables: Iptables,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  if (!(await iptables.chainExists('nat', PORTAL_CHAIN.container, signal))) return [];
  const removal = new Removal(iptables, signal);
  await removal.removeRules(PORTAL_JUMPS.map(({ jump }) => jump));
  for (const table of ['nat', 'filter'] as const) {
    await removal.removeChains(table, (name) => PORTAL_CHAINS[table].includes(name));
  }
  return removal.failures;
}

class Removal {
  readonly failures: unknown[] = [];
  readonly #iptables: Iptables;
  readonly #signal: AbortSignal;

  constructor(iptables: Iptables, signal: AbortSignal) {
    this.#iptables = iptables;
    this.#signal = signal;
  }

  async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#signal.throwIfAborted();
      this.failures.push(error);
    }
  }

  async removeRules(rules: readonly PlacedRule[]): Promise<void> {
    for (const rule of rules) {
      await this.attempt(() => this.#iptables.deleteRule(rule, this.#signal));
    }
  }

  async removeChains(table: 'nat' | 'filter', isOwn: (name: string) => boolean): Promise<void> {
    await this.attempt(async () => {
      const saved = await this.#iptables.save(table, this.#signal);
      const chains = chainNames(saved).filter(isOwn);
      const lines = chains.map((chain) => `-X ${chain}\n`);
      if (chains.length === 0) return;
      await this.#iptables.restore([{ name: table, chains, lines }], this.#signal);
    });
  }
}
