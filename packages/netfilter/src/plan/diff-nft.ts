import type { NftFamily, NftHook, NftObject, NftOperation } from '../model/nftables.js';
import {
  editRules,
  hasHandles,
  keyedRules,
  type RuleEdit,
  type Targets,
  withoutHandle,
} from './diff-nft-rules.js';
import { diffElements, sameSet, specOf } from './diff-nft-sets.js';
import type { NftFilledChain, NftListedTable, NftTableContents } from './nft-contents.js';

/** Options of a comparison of two tables. */
export interface NftDiffOptions {
  /**
   * The table's family. With it, rules and elements are compared by their effect, however they are
   * written; a listed table brings its own.
   */
  readonly family?: NftFamily;
}

/**
 * Plans the operations that turn a table with the contents `actual` into one with the contents
 * `desired`, in an order that nf_tables accepts in one step: nothing is removed while something
 * refers to it, and chains at the kernel's hooks come last. Elements are changed one by one. Rules
 * too, where they have handles (as `listNftTable` returns them): those that stay keep their counters;
 * otherwise a chain with different rules gets all its rules written again, unless some are only
 * missing at its end. Elements that rules add,
 * in sets with a timeout, are left alone, and so is the state of counters and quotas.
 *
 * @param actual a listed table, whoever made it, or contents from `nftContentsOf` or
 *   `MemoryNftTable`; undefined when there is no table
 * @throws {NetfilterError} `NETFILTER_VALUE` for rules of `desired` that cannot be written
 * @example
 * ```ts
 * import { diffNftTables, nftContentsOf } from '@nodeagent/netfilter/nftables';
 *
 * const wanted = nftContentsOf([{ op: 'add-chain', chain: { name: 'in' } }]);
 * const changes = diffNftTables(wanted, undefined);
 * console.log(changes.map(({ op }) => op).join(' ')); // add-table add-chain
 * ```
 */
export function diffNftTables(
  desired: NftTableContents,
  actual: NftTableContents | NftListedTable | undefined,
  options: NftDiffOptions = {},
): readonly NftOperation[] {
  const old: NftTableContents = actual ?? { chains: new Map(), sets: new Map() };
  const family =
    options.family ?? (actual !== undefined && 'family' in actual ? actual.family : undefined);
  const objects = changes(desired.objects, old.objects, sameObject);
  const flowtables = changes(desired.flowtables, old.flowtables, same);
  const goneObjects = new Set(objects.remove.map(({ name }) => name));
  const usesObject = (values: readonly unknown[]): boolean =>
    values.some((value) => goneObjects.has(String(value)));
  const replaced = new Set(
    [...old.sets.values()]
      .filter((set) => {
        const holds = [...set.elements.values()].some(
          ({ data }) => data !== undefined && !('kind' in data) && usesObject(data),
        );
        const isObjects = typeof set.data === 'object' && 'object' in set.data;
        return !sameSet(set, desired.sets.get(set.name), family) || (isObjects && holds);
      })
      .map(nameOf),
  );
  const targets: Targets = {
    sets: replaced,
    objects: goneObjects,
    flowtables: new Set(flowtables.remove.map(nameOf)),
  };
  const moved = new Set(
    [...old.chains.values()]
      .filter(({ name, base }) => {
        const wanted = desired.chains.get(name);
        return wanted === undefined || !same(placeOf(base), placeOf(wanted.base));
      })
      .map(nameOf),
  );
  const missing = ({ name }: NftFilledChain): boolean => !old.chains.has(name) || moved.has(name);
  const edits = new Map<string, RuleEdit>();
  for (const chain of desired.chains.values()) {
    const found = missing(chain) ? undefined : old.chains.get(chain.name);
    edits.set(chain.name, editOf(chain, found, { family, targets }));
  }
  const emptied = [...old.chains.values()].filter(
    ({ name, rules }) => rules.length > 0 && (moved.has(name) || edits.get(name)?.isFlush === true),
  );
  const chains = [...desired.chains.values()];
  const bases = chains.filter(({ base }) => base !== undefined);
  const others = chains.filter(({ base }) => base === undefined);
  const policies = bases.filter(
    (chain) => !missing(chain) && policyOf(chain) !== policyOf(old.chains.get(chain.name)),
  );
  const kept = [...desired.sets.values()].flatMap((set) => {
    const found = replaced.has(set.name) ? undefined : old.sets.get(set.name);
    return found === undefined ? [] : [diffElements(set, found, family)];
  });
  const newSets = [...desired.sets.values()].filter(
    ({ name }) => !old.sets.has(name) || replaced.has(name),
  );
  const written = (chain: NftFilledChain): readonly NftOperation[] =>
    edits.get(chain.name)?.additions ?? [];
  return [
    ...(actual === undefined ? [{ op: 'add-table' } as const] : []),
    ...emptied.map(({ name: chain }) => ({ op: 'flush-chain', chain }) as const),
    ...chains.flatMap(({ name }) => edits.get(name)?.removals ?? []),
    ...kept.flatMap(({ remove }) => remove),
    ...[...replaced].map((set) => ({ op: 'delete-set', set }) as const),
    ...[...moved].map((chain) => ({ op: 'delete-chain', chain }) as const),
    ...objects.remove.map(({ type, name }) => ({ op: 'delete-object', type, name }) as const),
    ...flowtables.remove.map(({ name }) => ({ op: 'delete-flowtable', flowtable: name }) as const),
    ...objects.add.map((object) => ({ op: 'add-object', object }) as const),
    ...flowtables.add.map((flowtable) => ({ op: 'add-flowtable', flowtable }) as const),
    ...newSets.map((set) => ({ op: 'add-set', set: specOf(set) }) as const),
    ...others.filter(missing).map(addChain),
    ...kept.flatMap(({ add }) => add),
    ...newSets.flatMap((set) => diffElements(set, undefined, family).add),
    ...others.flatMap(written),
    ...bases.filter(missing).map(addChain),
    ...policies.map(addChain),
    ...bases.flatMap(written),
  ];
}

function editOf(
  chain: NftFilledChain,
  found: NftFilledChain | undefined,
  { family, targets }: Readonly<{ family: NftFamily | undefined; targets: Targets }>,
): RuleEdit {
  if (found === undefined) return rewritten(chain, false);
  const wanted = keyedRules(chain.rules, family, undefined);
  const there = keyedRules(found.rules, family, targets);
  if (same(wanted, there)) return { isFlush: false, removals: [], additions: [] };
  // rules are added at the end without handles
  const isPrefix = there.every((key, i) => key !== undefined && key === wanted[i]);
  return isPrefix || hasHandles(found.rules)
    ? editRules(chain, found, wanted, there)
    : rewritten(chain, found.rules.length > 0);
}

function rewritten({ name: chain, rules }: NftFilledChain, isFlush: boolean): RuleEdit {
  const additions = rules.map(
    (rule) => ({ op: 'add-rule', chain, rule: withoutHandle(rule) }) as const,
  );
  return { isFlush, removals: [], additions };
}

function addChain({ name, base, comment }: NftFilledChain): NftOperation {
  const note = comment === undefined ? {} : { comment };
  return { op: 'add-chain', chain: { name, ...(base !== undefined && { base }), ...note } };
}

/** A hook without its policy, which can be changed in place. */
function placeOf(base: NftHook | undefined): unknown {
  if (base === undefined) return undefined;
  const { type, hook, priority, devices = [] } = base;
  return [type, hook, priority, devices];
}

function policyOf(chain: NftFilledChain | undefined): string {
  return chain?.base?.policy ?? 'accept';
}

interface Changes<T> {
  readonly add: readonly T[];
  readonly remove: readonly T[];
}

/** Removes and adds everything that is different. */
function changes<T>(
  desired: ReadonlyMap<string, T> = new Map(),
  actual: ReadonlyMap<string, T> = new Map(),
  isSame: (a: T, b: T) => boolean,
): Changes<T> {
  const differs =
    (other: ReadonlyMap<string, T>) =>
    ([key, one]: readonly [string, T]): T[] => {
      const there = other.get(key);
      return there !== undefined && isSame(one, there) ? [] : [one];
    };
  return {
    add: [...desired].flatMap(differs(actual)),
    remove: [...actual].flatMap(differs(desired)),
  };
}

function sameObject(a: NftObject, b: NftObject): boolean {
  return same(settingsOf(a), settingsOf(b));
}

/** The object without its state. */
function settingsOf(object: NftObject): unknown {
  switch (object.type) {
    case 'counter':
      return [];
    case 'quota':
      return [object.bytes, object.over === true];
    case 'limit': {
      const { rate, per, unit = 'packets', burst = unit === 'packets' ? 5 : 0, over } = object;
      return [rate, per, unit, burst, over === true];
    }
    case 'ct helper':
      return [object.helper, object.protocol, object.network];
  }
}

function nameOf({ name }: Readonly<{ name: string }>): string {
  return name;
}

/** Compares plain data with members in the same order. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
