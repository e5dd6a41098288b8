import type { NftNeeds } from '../model/nft-fields.js';
import type { NftFamily, NftKeyPart, NftStep } from '../model/nftables.js';
import { learn, missingMatches, type RuleContext, startContext } from './nft-context.js';
import { isList } from './nft-match-write.js';
import { resolvePart } from './nft-parts.js';

/** Leaves out the matches that the encoder adds by itself for the step after them. */
export function withoutImplied(steps: readonly NftStep[], family: NftFamily): readonly NftStep[] {
  const kept: NftStep[] = [];
  /** Before each of the kept steps. */
  const contexts: RuleContext[] = [];
  let context = startContext(family);
  for (const step of steps) {
    const needs = needsOf(step, family);
    for (let count = Math.min(MOST_IMPLIED, kept.length); count > 0; count -= 1) {
      const before = contexts[contexts.length - count] ?? context;
      const implied = impliedBy(needs, before, family);
      if (implied.length !== count || !same(implied, kept.slice(-count))) continue;
      kept.length -= count;
      contexts.length -= count;
      break;
    }
    kept.push(step);
    contexts.push(context);
    context = learn(context, step);
  }
  return kept;
}

/** Matches before a step: on the link, the network and the transport. */
const MOST_IMPLIED = 3;

type Need = Readonly<{ needs: NftNeeds; where: string }>;

function impliedBy(
  needs: readonly Need[],
  start: RuleContext,
  family: NftFamily,
): readonly NftStep[] {
  const implied: NftStep[] = [];
  let context = start;
  for (const { needs: one, where } of needs) {
    for (const match of missingMatches(one, context, family, where)) {
      implied.push(match);
      context = learn(context, match);
    }
  }
  return implied;
}

function needsOf(step: NftStep, family: NftFamily): readonly Need[] {
  if (step.kind === 'reject' && step.with !== undefined) {
    const [kind] = step.with.split(' ');
    if (kind === 'tcp') return [{ needs: { transport: 6 }, where: 'reject' }];
    if (kind === 'icmp') return [{ needs: { network: 'ip' }, where: 'reject' }];
    return kind === 'icmpv6' ? [{ needs: { network: 'ip6' }, where: 'reject' }] : [];
  }
  return partsOf(step).map((part) => resolvePart(part, family));
}

function partsOf(step: NftStep): readonly NftKeyPart[] {
  switch (step.kind) {
    case 'match':
      return isList(step.field) ? step.field : [step.field];
    case 'set': {
      const { field, from, key = [] } = step;
      return [field, ...(from === undefined ? [] : [from]), ...key];
    }
    case 'verdict-map':
    case 'dnat-map':
    case 'snat-map':
    case 'update-set':
      return step.key;
    default:
      return [];
  }
}

function same(a: readonly NftStep[], b: readonly NftStep[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
