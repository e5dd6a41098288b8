import type { NftInventory, NftOperation, NftSet } from '@nodeagent/netfilter/nftables';

import type { NodeView } from '../node-view.js';
import { isChoiceChain } from './choice-chains.js';
import { NftMirror } from './mirror.js';
import { AFFINITY_PREFIX, isServiceChain } from './names.js';
import { SERVICE_SETS, SETS } from './sets.js';
import type { NftSettings } from './settings.js';
import { type FilledChain, planBaseChains, planStaticChains } from './static-chains.js';

/**
 * Plans the sets and chains that exist independently of Services, without the chains at the
 * kernel's hooks: no packet sees any of it until {@link planHooks}.
 */
export function* planFoundation(
  settings: NftSettings,
  view: NodeView,
): Generator<NftOperation, void> {
  yield { op: 'add-table' };
  for (const set of SERVICE_SETS) yield { op: 'add-set', set };
  if (settings.nodePortIps !== 'all') {
    const set = SETS.nodePortIps;
    yield { op: 'add-set', set };
    yield { op: 'flush-set', set: set.name };
    const elements = settings.nodePortIps.map((ip) => ({ key: [ip] }));
    if (elements.length > 0) yield { op: 'add-elements', set, elements };
  }
  yield* fill(planStaticChains(settings, view.serviceCidrs));
}

/** @param found existing chains; those attached to the wrong hook are made again */
export function* planHooks(found?: NftInventory): Generator<NftOperation, void> {
  const bases = planBaseChains();
  for (const { chain } of bases) {
    const there = found?.chains.find(({ name }) => name === chain.name);
    if (there === undefined || sameHook(there.base, chain.base)) continue;
    yield { op: 'flush-chain', chain: chain.name };
    yield { op: 'delete-chain', chain: chain.name };
  }
  yield* fill(bases);
}

/**
 * Plans everything that the backend writes for a view on an empty machine, for people and for the
 * tracer.
 */
export function* planWholeTable(
  view: NodeView,
  settings: NftSettings,
): Generator<NftOperation, void> {
  const mirror = new NftMirror(settings);
  yield* planFoundation(settings, view);
  for (const [key, port] of view.ports) {
    yield* mirror.change(key, port);
    yield { op: 'may-split' };
  }
  yield* planHooks();
}

/** Contents of the table that an earlier process, or another version, has left. */
export interface Leftovers {
  readonly chains: readonly string[];
  readonly sets: readonly string[];
}

export function findLeftovers(found: NftInventory, mirror: NftMirror): Leftovers {
  const own = mirror.ownNames();
  const fixed = new Set<string>([...SERVICE_SETS, SETS.nodePortIps].map(({ name }) => name));
  return {
    chains: found.chains.flatMap(({ name }) => {
      const isOurs = isServiceChain(name) || isChoiceChain(name);
      return isOurs && !own.chains.has(name) && !mirror.choices.has(name) ? [name] : [];
    }),
    sets: found.sets.filter(
      (name) => !fixed.has(name) && !own.sets.has(name) && name.startsWith(AFFINITY_PREFIX),
    ),
  };
}

export function serviceSet(name: string): NftSet | undefined {
  return SERVICE_SETS.find((set) => set.name === name);
}

function* fill(chains: readonly FilledChain[]): Generator<NftOperation, void> {
  for (const { chain } of chains) yield { op: 'add-chain', chain };
  for (const { chain, rules } of chains) {
    yield { op: 'flush-chain', chain: chain.name };
    for (const rule of rules) yield { op: 'add-rule', chain: chain.name, rule };
  }
}

function sameHook(a: FilledChain['chain']['base'], b: FilledChain['chain']['base']): boolean {
  return a?.type === b?.type && a?.hook === b?.hook && a?.priority === b?.priority;
}
