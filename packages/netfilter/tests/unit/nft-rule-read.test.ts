import { describe, expect, it } from 'vitest';

import { type NftStep, renderNftScript } from '../../src/nftables.js';
import { NFT_CORPUS } from '../rules/nft-corpus.js';
import { readRules, ruleBytes } from '../rules/read-batch.js';

describe.each(NFT_CORPUS)('$name', ({ table, rules }) => {
  const titled = rules.map((rule) => {
    const operation = { op: 'add-rule', chain: 'c', rule } as const;
    return [[...renderNftScript(table, [operation])].join('').trim(), rule] as const;
  });

  it.each(titled)('reads what it wrote: %s', (_title, rule) => {
    const [read] = readRules(table, [rule]);
    if (read === undefined) throw new Error('no rule');
    expect(read.steps.filter(({ kind }) => kind === 'other')).toEqual([]);
    expect(readRules(table, [read])).toEqual([read]);
    if (!rule.steps.some(isReordered)) expect(ruleBytes(table, read)).toBe(ruleBytes(table, rule));
  });
});

/** Networks as short steps are written their own way; lists come back in order. */
function isReordered(step: NftStep): boolean {
  return step.kind === 'source' || 'anyOf' in step || ('map' in step && Array.isArray(step.map));
}
