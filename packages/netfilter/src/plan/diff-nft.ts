import {
  nftDataText,
  type NftElement,
  type NftOperation,
  type NftRule,
  type NftSet,
} from '../model/nftables.js';
import type { NftTableContents } from './nft-tracer.js';

type FilledSet = NftSet & Readonly<{ elements: ReadonlyMap<string, NftElement> }>;
type FilledChain = NftTableContents['chains'] extends ReadonlyMap<string, infer T> ? T : never;

/**
 * Plans the operations that turn a table with the contents `actual` into one with the contents
 * `desired`, in an order that nf_tables accepts in one step: nothing is removed while something
 * refers to it, and chains at the kernel's hooks come last. Elements are changed one by one; a
 * chain with different rules gets all its rules written again. Elements that rules add, in sets
 * with a timeout, are left alone.
 *
 * @param actual contents from `nftContentsOf` or `MemoryNftTable`; undefined when there is no table
 */
export function diffNftTables(
  desired: NftTableContents,
  actual: NftTableContents | undefined,
): readonly NftOperation[] {
  const old = actual ?? { chains: new Map(), sets: new Map() };
  const replaced = new Set(
    [...old.sets.values()].filter((set) => !sameSet(set, desired.sets.get(set.name))).map(nameOf),
  );
  const moved = new Set(
    [...old.chains.values()]
      .filter(({ name, base }) => {
        const wanted = desired.chains.get(name);
        return wanted === undefined || !same(base, wanted.base);
      })
      .map(nameOf),
  );
  const isKept = ({ name, rules }: FilledChain): boolean => {
    const found = old.chains.get(name);
    if (found === undefined || moved.has(name) || !same(found.rules, rules)) return false;
    return rules.every((rule) => !refersTo(rule, replaced));
  };
  const rewritten = [...desired.chains.values()].filter((chain) => !isKept(chain));
  const changed = new Set([...moved, ...rewritten.map(nameOf)]);
  const emptied = [...old.chains.values()].filter(
    ({ name, rules }) => rules.length > 0 && changed.has(name),
  );
  const bases = rewritten.filter(({ base }) => base !== undefined);
  const others = rewritten.filter(({ base }) => base === undefined);
  const missing = (chain: FilledChain): boolean =>
    !old.chains.has(chain.name) || moved.has(chain.name);
  const kept = [...desired.sets.values()].flatMap((set) => {
    const found = replaced.has(set.name) ? undefined : old.sets.get(set.name);
    return found === undefined ? [] : [{ set, found }];
  });
  const newSets = [...desired.sets.values()].filter(
    ({ name }) => !old.sets.has(name) || replaced.has(name),
  );
  return [
    ...(actual === undefined ? [{ op: 'add-table' } as const] : []),
    ...emptied.map(({ name: chain }) => ({ op: 'flush-chain', chain }) as const),
    ...kept.flatMap(({ set, found }) => elements('delete-elements', set, found, set)),
    ...[...replaced].map((set) => ({ op: 'delete-set', set }) as const),
    ...[...moved].map((chain) => ({ op: 'delete-chain', chain }) as const),
    ...newSets.map((set) => ({ op: 'add-set', set: specOf(set) }) as const),
    ...others.filter(missing).map(addChain),
    ...kept.flatMap(({ set, found }) => elements('add-elements', set, set, found)),
    ...newSets.flatMap((set) => elements('add-elements', set, set, undefined)),
    ...others.flatMap(addRules),
    ...bases.filter(missing).map(addChain),
    ...bases.flatMap(addRules),
  ];
}

/** Returns the elements of `from` that `other` lacks, or has with other data. */
function elements(
  op: 'add-elements' | 'delete-elements',
  set: FilledSet,
  from: FilledSet,
  other: FilledSet | undefined,
): NftOperation[] {
  if (op === 'delete-elements' && set.timeoutMs !== undefined) return [];
  const found = [...from.elements].flatMap(([key, element]) => {
    const there = other?.elements.get(key);
    const isThere = there !== undefined && nftDataText(there.data) === nftDataText(element.data);
    return isThere ? [] : [element];
  });
  return found.length === 0 ? [] : [{ op, set: specOf(set), elements: found }];
}

function addChain({ name, base }: FilledChain): NftOperation {
  return { op: 'add-chain', chain: base === undefined ? { name } : { name, base } };
}

function addRules({ name: chain, rules }: FilledChain): NftOperation[] {
  return rules.map((rule) => ({ op: 'add-rule', chain, rule }));
}

function specOf({ name, key, data, timeoutMs, comment }: FilledSet): NftSet {
  return {
    name,
    key,
    ...(data !== undefined && { data }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(comment !== undefined && { comment }),
  };
}

function nameOf({ name }: Readonly<{ name: string }>): string {
  return name;
}

function sameSet(a: FilledSet, b: FilledSet | undefined): boolean {
  if (b === undefined) return false;
  const { key, data, timeoutMs } = a;
  return same([key, data, timeoutMs], [b.key, b.data, b.timeoutMs]);
}

function refersTo({ steps }: NftRule, sets: ReadonlySet<string>): boolean {
  return steps.some(
    (step) => ('set' in step && sets.has(step.set)) || ('map' in step && sets.has(step.map)),
  );
}

/** Compares plain data with members in the same order. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
