import { isIpvsError } from '@nodeagent/ipvs';
import { chainNames, type Iptables, isNetfilterError } from '@nodeagent/netfilter';
import type { Ipset } from '@nodeagent/netfilter/ipset';

import { IP_FAMILIES } from '../../model/address.js';
import { IPVS_CHAINS, IPVS_JUMPS } from '../../plan/ipvs/rules.js';
import { SET_IDS, setName } from '../../plan/ipvs/sets.js';
import type { NetlinkAccess } from '../../ports.js';

/** Chains that only ipvs mode has: their presence shows that ipvs mode ran here. */
const OWN_ONLY: readonly string[] = [
  'KUBE-NODE-PORT',
  'KUBE-LOAD-BALANCER',
  'KUBE-SOURCE-RANGES-FIREWALL',
  'KUBE-IPVS-FILTER',
  'KUBE-IPVS-OUT-FILTER',
];

/**
 * Removes the rules that ipvs mode leaves in one family's tables. Chains that iptables mode also
 * has are only emptied: its clean-up must follow.
 *
 * @returns the failures
 */
export async function cleanupIpvsRules(
  iptables: Iptables,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  const attempt = tryEach(failures, signal);
  for (const table of ['nat', 'filter'] as const) {
    await attempt(async () => {
      const written: readonly string[] = IPVS_CHAINS[table];
      const found = chainNames(await iptables.save(table, signal));
      const own = found.filter((name) => OWN_ONLY.includes(name));
      if (own.length === 0) return;
      for (const jump of IPVS_JUMPS) {
        if (jump.table === table) await iptables.deleteRule(jump, signal);
      }
      const chains = found.filter((name) => written.includes(name));
      const lines = own.map((chain) => `-X ${chain}\n`);
      await iptables.restore([{ name: table, chains, lines }], signal);
    });
  }
  return failures;
}

/**
 * Removes virtual servers, the dummy interface and the sets of both families. Must come after
 * removal of the rules, which use the sets. All virtual servers count as ours, but only when the
 * dummy interface shows that ipvs mode ran here.
 *
 * @returns the failures
 */
export async function cleanupIpvsKernel(
  { ipvs, ipset, serviceInterface }: NetlinkAccess,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  const attempt = tryEach(failures, signal);
  await attempt(async () => {
    const lists = await Promise.all(
      IP_FAMILIES.map((family) => serviceInterface.list(family, signal)),
    );
    if (lists.every(({ own }) => own.length === 0)) return;
    try {
      await ipvs.apply([{ kind: 'flush' }], signal);
    } catch (error) {
      if (!isIpvsError(error, 'IPVS_UNAVAILABLE')) throw error; // then there are no virtual servers
    }
  });
  await attempt(() => serviceInterface.destroy(signal));
  await attempt(async () => {
    const ours = new Set(IP_FAMILIES.flatMap((family) => SET_IDS.map((id) => setName(id, family))));
    const names = (await listSets(ipset, signal)).filter((name) => ours.has(name));
    await ipset.destroy(names, signal);
  });
  return failures;
}

/** A kernel without address sets has no entries to list. */
async function listSets(ipset: Ipset, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return (await ipset.list(undefined, signal)).map(({ spec }) => spec.name);
  } catch (error) {
    if (isNetfilterError(error, 'NETFILTER_COMMAND_FAILED')) return [];
    throw error;
  }
}

function tryEach(failures: unknown[], signal: AbortSignal) {
  return async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
    }
  };
}
