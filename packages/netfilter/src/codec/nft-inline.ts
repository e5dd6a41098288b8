import type { NftMapRef } from '../model/nft-steps.js';
import type {
  NftElement,
  NftFamily,
  NftKeyPart,
  NftSet,
  NftStep,
  NftType,
  NftValue,
} from '../model/nftables.js';
import { datumRange } from './nft-datum.js';
import { isList } from './nft-match-write.js';
import { type ResolvedPart, resolvePart } from './nft-parts.js';

/** A set without a name of its own, for one list in one rule. */
export interface InlineSet {
  readonly set: NftSet;
  readonly elements: readonly NftElement[];
}

/** Returns the sets that the lists in a rule need, in the order of its steps. */
export function inlineSets(steps: readonly NftStep[], family: NftFamily): readonly InlineSet[] {
  const found: InlineSet[] = [];
  for (const step of steps) {
    if (step.kind === 'match' && step.anyOf !== undefined) {
      const key = isList(step.field) ? step.field : [step.field];
      const elements = step.anyOf.map((value) => ({ key: isList(value) ? value : [value] }));
      found.push(setOf(key, elements, family));
    } else if ('map' in step && typeof step.map !== 'string') {
      const key = step.key ?? [];
      const data = dataOf(step, step.map, family);
      found.push(setOf(key, step.map, family, data));
    }
  }
  return found;
}

function setOf(
  key: readonly NftKeyPart[],
  elements: readonly NftElement[],
  family: NftFamily,
  data?: NftSet['data'],
): InlineSet {
  const parts = key.map((part) => resolvePart(part, family));
  const hasRanges = elements.some(({ key: values }) => hasRange(parts, values));
  const set: NftSet = {
    name: data === undefined ? '__set%d' : '__map%d',
    key: parts.map(({ type }) => type),
    flags: hasRanges ? ['constant', 'interval'] : ['constant'],
    ...(data !== undefined && { data }),
  };
  return { set, elements };
}

function hasRange(parts: readonly ResolvedPart[], values: readonly NftValue[]): boolean {
  return values.some((value, i) => {
    const part = parts[i];
    return part !== undefined && datumRange(part.row, value, part.where) !== undefined;
  });
}

function dataOf(
  step: Extract<NftStep, { map?: NftMapRef }>,
  elements: readonly NftElement[],
  family: NftFamily,
): NftSet['data'] {
  if (step.kind === 'verdict-map') return 'verdict';
  if (step.kind === 'set') return [resolvePart(step.field, family).type];
  const first = elements[0]?.data;
  const values = first === undefined || 'kind' in first ? [] : first;
  const address: NftType = String(values[0]).includes(':') ? 'ipv6_addr' : 'ipv4_addr';
  return values.length > 1 ? [address, 'inet_service'] : [address];
}
