import { normalSteps } from '../codec/nft-normal.js';
import { isNetfilterError } from '../model/errors.js';
import type { NftStateful } from '../model/nft-steps.js';
import type { NftFamily, NftRule, NftStep } from '../model/nftables.js';

/**
 * Returns text that is the same for rules of the same effect: however their steps are written, and
 * whatever their counters have counted.
 *
 * @param family without it, only rules that are written alike have the same text
 */
export function nftRuleKey({ steps, comment }: NftRule, family?: NftFamily): string {
  return JSON.stringify([stepsKey(steps, family), comment]);
}

function stepsKey(steps: readonly NftStep[], family: NftFamily | undefined): readonly unknown[] {
  const normal = family === undefined ? steps : readBack(steps, family);
  return normal.map(withoutState);
}

/** Text that only `nft` takes cannot be compared: it stays as it is. */
function readBack(steps: readonly NftStep[], family: NftFamily): readonly NftStep[] {
  try {
    return normalSteps(steps, family);
  } catch (error) {
    const isText = steps.some(({ kind }) => kind === 'text');
    if (isText && isNetfilterError(error, 'NETFILTER_VALUE')) return steps;
    throw error;
  }
}

function withoutState(step: NftStep): unknown {
  switch (step.kind) {
    case 'counter':
      return { kind: step.kind };
    case 'quota':
      return { ...step, used: 0 };
    case 'update-set':
      return { ...step, each: step.each?.map((one: NftStateful) => withoutState(one)) };
    default:
      return step;
  }
}
