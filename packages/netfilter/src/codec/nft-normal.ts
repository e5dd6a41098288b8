import { ByteWriter } from '@nodeagent/netlink-codec';

import {
  type NftElement,
  type NftFamily,
  nftKeyText,
  type NftSet,
  type NftStep,
  type NftType,
  type NftValue,
} from '../model/nftables.js';
import type { NftFilledSet } from '../plan/nft-contents.js';
import { datumRange, decodeDatum, encodeDatum, ordered, rangeText, typeRow } from './nft-datum.js';
import { inlineSets } from './nft-inline.js';
import { writeExpressions } from './nft-rule.js';
import { readSteps } from './nft-rule-read.js';

const HEADER = 4;

/**
 * Returns the steps as they are read back from the kernel, so that rules which mean the same can be
 * compared. Short steps become matches; what a step implies is left out.
 *
 * @throws {NetfilterError} `NETFILTER_VALUE` for steps that netlink does not take
 */
export function normalSteps(steps: readonly NftStep[], family: NftFamily): readonly NftStep[] {
  const inline = inlineSets(steps, family);
  const names = inline.map(({ set }, i) => ({ name: `${set.name}${i}`, id: i }));
  const sets = new Map(
    inline.map(({ set, elements }, i) => [names[i]?.name ?? '', filled(set, elements, family)]),
  );
  const out = new ByteWriter(256);
  writeExpressions(out, { steps }, family, names);
  return readSteps(out.copy(HEADER), { family, setOf: (name) => sets.get(name) });
}

function filled(set: NftSet, elements: readonly NftElement[], family: NftFamily): NftFilledSet {
  const normal = elements.map((element) => normalElement(element, set, family));
  return { ...set, elements: new Map(normal.map((one) => [nftKeyText(one.key), one])) };
}

/** Returns an element as it is read back from the kernel. */
export function normalElement(element: NftElement, set: NftSet, family: NftFamily): NftElement {
  const { data } = element;
  const isRange = set.flags?.includes('interval') === true;
  const key =
    element.key[0] === '*'
      ? element.key
      : set.key.map((type, i) => normalValue(type, element.key[i] ?? '', { family, isRange }));
  if (data === undefined || 'kind' in data || !Array.isArray(set.data)) return { ...element, key };
  const types = set.data as readonly NftType[];
  const values = types.map((type, i) =>
    normalValue(type, data[i] ?? '', { family, isRange: false }),
  );
  return { ...element, key, data: values };
}

function normalValue(
  type: NftType,
  value: NftValue,
  { family, isRange }: Readonly<{ family: NftFamily; isRange: boolean }>,
): NftValue {
  const row = typeRow(type, family);
  const where = `element of type ${type}`;
  const range = isRange ? datumRange(row, value, where) : undefined;
  if (range === undefined) return decodeDatum(row, encodeDatum(row, value, where));
  return rangeText(row, ordered(row, range.from), ordered(row, range.to));
}
