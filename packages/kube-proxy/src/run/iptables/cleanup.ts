import { chainNames, type Iptables, type PlacedRule, renderAppend } from '@nodeagent/netfilter';

import { OWN_CHAINS, OWN_JUMPS } from '../../plan/iptables/jumps.js';
import { CHAIN, isServiceChain } from '../../plan/iptables/names.js';
import { PORTAL_CHAIN, PORTAL_CHAINS, PORTAL_JUMPS } from '../../plan/userspace/portal-rules.js';

/**
 * Removes every rule and chain that the iptables and userspace modes make in one family. Objects
 * shared with the kubelet (KUBE-FIREWALL, hint and canary chains of the kubelet) stay.
 *
 * @returns the failures, empty when there were none
 */
export async function cleanupIptables(
  iptables: Iptables,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const removal = new Removal(iptables, signal);
  const jumps = [...OWN_JUMPS, ...PORTAL_JUMPS.map(({ jump }) => jump)];
  for (const table of ['nat', 'filter'] as const) {
    const own = [...OWN_CHAINS[table], ...PORTAL_CHAINS[table]];
    const isOwn = (name: string): boolean =>
      own.includes(name) || (table === 'nat' && isServiceChain(name));
    await removal.remove(table, jumps, isOwn);
  }
  await removal.attempt(() => iptables.deleteChain('mangle', CHAIN.canary, signal));
  return removal.failures;
}

/**
 * Removes what the userspace mode left, if it ever ran here: its rules lead to ports that no
 * process serves any longer.
 *
 * @returns the failures
 */
export async function cleanupPortals(
  iptables: Iptables,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  if (!(await iptables.chainExists('nat', PORTAL_CHAIN.container, signal))) return [];
  const removal = new Removal(iptables, signal);
  const jumps = PORTAL_JUMPS.map(({ jump }) => jump);
  for (const table of ['nat', 'filter'] as const) {
    await removal.remove(table, jumps, (name) => PORTAL_CHAINS[table].includes(name));
  }
  return removal.failures;
}

/**
 * Removes objects of the iptables and userspace modes that the running mode does not use itself:
 * their old refusals of Services without endpoints would stay in force. The running mode must have
 * written its own rules before, because they replace shared ones.
 *
 * @param kept chains and jumps of the running mode
 * @returns the failures
 */
export async function cleanupBeside(
  iptables: Iptables,
  kept: Readonly<{
    chains: Readonly<Record<'nat' | 'filter', readonly string[]>>;
    jumps: readonly PlacedRule[];
  }>,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const removal = new Removal(iptables, signal);
  const textOf = ({ table, chain, rule }: PlacedRule): string =>
    `${table} ${renderAppend(chain, rule)}`;
  const keptJumps = new Set(kept.jumps.map(textOf));
  const jumps = [...OWN_JUMPS, ...PORTAL_JUMPS.map(({ jump }) => jump)].filter(
    (jump) => !keptJumps.has(textOf(jump)),
  );
  for (const table of ['nat', 'filter'] as const) {
    const own = [...OWN_CHAINS[table], ...PORTAL_CHAINS[table]];
    const isOwn = (name: string): boolean =>
      own.includes(name) || (table === 'nat' && isServiceChain(name));
    const isLeft = (name: string): boolean => isOwn(name) && !kept.chains[table].includes(name);
    await removal.remove(table, jumps, isLeft);
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

  /** No rule can jump to a missing chain: a table without any of the chains is left alone. */
  async remove(
    table: 'nat' | 'filter',
    jumps: readonly PlacedRule[],
    isOwn: (name: string) => boolean,
  ): Promise<void> {
    await this.attempt(async () => {
      const saved = await this.#iptables.save(table, this.#signal);
      const there = new Set(chainNames(saved));
      const chains = [...there].filter(isOwn);
      if (chains.length === 0) return;
      for (const jump of jumps) {
        const { target } = jump.rule;
        if (jump.table !== table || target?.kind !== 'jump' || !there.has(target.chain)) continue;
        await this.attempt(() => this.#iptables.deleteRule(jump, this.#signal));
      }
      const lines = chains.map((chain) => `-X ${chain}\n`);
      await this.#iptables.restore([{ name: table, chains, lines }], this.#signal);
    });
  }
}
