import { isNetfilterError } from '../model/errors.js';
import type { Chain, Rule, Table, TableName } from '../model/iptables.js';
import { commonPairs } from './common-pairs.js';
import { ruleKey } from './rule-key.js';

/** One change of a table; positions count from 1, as in iptables. */
export type IptablesOperation = Readonly<{ table: TableName; chain: string }> &
  (
    | Readonly<{ op: 'create-chain' | 'flush-chain' | 'delete-chain' }>
    | Readonly<{ op: 'set-policy'; policy: 'ACCEPT' | 'DROP' }>
    | Readonly<{ op: 'delete-rule'; position: number }>
    | Readonly<{ op: 'insert-rule'; position: number; rule: Rule }>
  );

/** Without `removeOthers`, chains that only `actual` has stay as they are. */
export interface DiffOptions {
  /** Empties the chains that only `actual` has, and removes them unless they are built-in. */
  readonly removeOthers?: boolean;
}

/**
 * Plans the operations that turn `actual` into `desired`, in an order that the kernel accepts one
 * by one: chains before jumps to them, removal of jumps before removal of their chains. Tables and,
 * without `removeOthers`, chains that are not in `desired` stay as they are. Rules are compared by
 * their effect (`ruleKey`); rules that stay are not touched and keep their counters. Each position
 * is valid after the operations before it.
 *
 * @throws {NetfilterError} as `renderRule`, for a rule of `desired`
 */
export function diffTables(
  desired: readonly Table[],
  actual: readonly Table[],
  options: DiffOptions = {},
): readonly IptablesOperation[] {
  return desired.flatMap((table) => {
    const found = actual.find(({ name }) => name === table.name);
    return diffTable(table, found?.chains ?? [], options);
  });
}

function diffTable(
  { name: table, chains }: Table,
  actual: readonly Chain[],
  { removeOthers = false }: DiffOptions,
): readonly IptablesOperation[] {
  const found = new Map(actual.map((chain) => [chain.name, chain]));
  const wanted = new Set(chains.map(({ name }) => name));
  const others = removeOthers ? actual.filter(({ name }) => !wanted.has(name)) : [];
  const missing = chains.filter(({ name, policy }) => !found.has(name) && policy === undefined);
  const policies = chains.flatMap(({ name: chain, policy }): IptablesOperation[] =>
    policy === undefined || policy === found.get(chain)?.policy
      ? []
      : [{ op: 'set-policy', table, chain, policy }],
  );
  return [
    ...missing.map(({ name: chain }) => ({ op: 'create-chain', table, chain }) as const),
    ...chains.flatMap((chain) => diffRules(table, chain, found.get(chain.name)?.rules ?? [])),
    ...policies,
    ...others.flatMap(({ name: chain, rules }): IptablesOperation[] =>
      rules.length === 0 ? [] : [{ op: 'flush-chain', table, chain }],
    ),
    ...others.flatMap(({ name: chain, policy }): IptablesOperation[] =>
      policy === undefined ? [{ op: 'delete-chain', table, chain }] : [],
    ),
  ];
}

function diffRules(
  table: TableName,
  { name: chain, rules }: Chain,
  actual: readonly Rule[],
): readonly IptablesOperation[] {
  const kept = commonPairs(rules.map(ruleKey), actual.map(keyOfFound));
  const stays = new Set(kept.map(([, at]) => at));
  const isThere = new Set(kept.map(([at]) => at));
  const removals = actual.flatMap((_rule, i): IptablesOperation[] =>
    stays.has(i) ? [] : [{ op: 'delete-rule', table, chain, position: i + 1 }],
  );
  const additions = rules.flatMap((rule, i): IptablesOperation[] =>
    isThere.has(i) ? [] : [{ op: 'insert-rule', table, chain, position: i + 1, rule }],
  );
  return [...removals.toReversed(), ...additions];
}

/**
 * Returns the key of a rule that the kernel has. A rule that cannot be written, with an empty comment
 * for example, has none: it equals no rule that is wanted.
 */
function keyOfFound(rule: Rule): string | undefined {
  try {
    return ruleKey(rule);
  } catch (error) {
    if (isNetfilterError(error, 'NETFILTER_VALUE', 'NETFILTER_NAME')) return undefined;
    throw error;
  }
}
