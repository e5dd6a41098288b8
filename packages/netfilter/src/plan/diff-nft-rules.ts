import type { NftFamily, NftListedRule, NftOperation, NftRule } from '../model/nftables.js';
import { commonPairs } from './common-pairs.js';
import type { NftFilledChain } from './nft-contents.js';
import { nftRuleKey } from './nft-rule-key.js';

/** The operations on the rules of one chain. */
export interface RuleEdit {
  readonly isFlush: boolean;
  readonly removals: readonly NftOperation[];
  readonly additions: readonly NftOperation[];
}

/** Names of what is removed: rules that refer to it must go first. */
export interface Targets {
  readonly sets: ReadonlySet<string>;
  readonly objects: ReadonlySet<string>;
  readonly flowtables: ReadonlySet<string>;
}

/**
 * Returns a key for each rule; rules that refer to something that is removed have none.
 *
 * @throws {NetfilterError} `NETFILTER_VALUE` for rules that cannot be written
 */
export function keyedRules(
  rules: readonly NftRule[],
  family: NftFamily | undefined,
  targets: Targets | undefined,
): readonly (string | undefined)[] {
  return rules.map((rule) =>
    targets !== undefined && refersTo(rule, targets) ? undefined : nftRuleKey(rule, family),
  );
}

export function hasHandles(rules: readonly NftListedRule[]): boolean {
  return rules.every(({ handle }) => handle !== undefined);
}

/** Leaves the rules that stay in the same order where they are. */
export function editRules(
  { name: chain, rules }: NftFilledChain,
  found: NftFilledChain,
  wanted: readonly (string | undefined)[],
  there: readonly (string | undefined)[],
): RuleEdit {
  const pairs = commonPairs(
    wanted.map((key) => key ?? ''),
    there,
  );
  const stays = new Map(pairs);
  const isKept = new Set(pairs.map(([, at]) => at));
  const removals = found.rules.flatMap(({ handle }, i): NftOperation[] =>
    isKept.has(i) || handle === undefined ? [] : [{ op: 'delete-rule', chain, handle }],
  );
  const additions: NftOperation[] = [];
  /** The rule before which those so far unplaced go; walked from the end. */
  let before: number | undefined;
  for (let i = rules.length - 1; i >= 0; i -= 1) {
    const at = stays.get(i);
    if (at !== undefined) {
      before = found.rules[at]?.handle;
      continue;
    }
    const rule = withoutHandle(rules[i] as NftListedRule);
    const place = before === undefined ? {} : { at: { before } };
    additions.push({ op: 'add-rule', chain, rule, ...place });
  }
  return { isFlush: false, removals, additions: additions.toReversed() };
}

export function withoutHandle({ steps, comment }: NftListedRule): NftRule {
  return comment === undefined ? { steps } : { steps, comment };
}

function refersTo({ steps }: NftRule, { sets, objects, flowtables }: Targets): boolean {
  return steps.some(
    (step) =>
      ('set' in step && sets.has(step.set)) ||
      ('map' in step && typeof step.map === 'string' && sets.has(step.map)) ||
      (step.kind === 'object' && objects.has(step.name)) ||
      (step.kind === 'offload' && flowtables.has(step.flowtable)),
  );
}
