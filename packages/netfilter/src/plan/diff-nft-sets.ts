import { normalElement } from '../codec/nft-normal.js';
import { setFlags } from '../codec/nft-set-write.js';
import { typeId } from '../codec/nft-value.js';
import {
  nftDataText,
  type NftElement,
  type NftFamily,
  nftKeyText,
  type NftOperation,
  type NftSet,
  type NftType,
} from '../model/nftables.js';
import type { NftFilledSet } from './nft-contents.js';

/** The operations on the elements of one set; without `found`, the set is empty. */
export function diffElements(
  set: NftFilledSet,
  found: NftFilledSet | undefined,
  family: NftFamily | undefined,
): Readonly<{ remove: readonly NftOperation[]; add: readonly NftOperation[] }> {
  const wanted = normal(set, set, family);
  const there = found === undefined ? new Map<string, NftElement>() : normal(found, set, family);
  const spec = specOf(set);
  const gone = set.timeoutMs === undefined ? without(there, wanted) : [];
  const fresh = without(wanted, there);
  return {
    remove: gone.length === 0 ? [] : [{ op: 'delete-elements', set: spec, elements: gone }],
    add: fresh.length === 0 ? [] : [{ op: 'add-elements', set: spec, elements: fresh }],
  };
}

/** Returns the elements that `other` lacks, or has with other data. */
function without(
  elements: ReadonlyMap<string, NftElement>,
  other: ReadonlyMap<string, NftElement>,
): readonly NftElement[] {
  return [...elements].flatMap(([key, element]) => {
    const there = other.get(key);
    const isThere = there !== undefined && nftDataText(there.data) === nftDataText(element.data);
    return isThere ? [] : [element];
  });
}

function normal(
  { elements }: NftFilledSet,
  set: NftSet,
  family: NftFamily | undefined,
): ReadonlyMap<string, NftElement> {
  if (family === undefined) return elements;
  return new Map(
    [...elements.values()].map((element) => {
      const one = normalElement(element, set, family);
      return [nftKeyText(one.key), one];
    }),
  );
}

/** True when the kernel would take `wanted` for the set that is there. */
export function sameSet(
  there: NftSet,
  wanted: NftSet | undefined,
  family: NftFamily | undefined,
): boolean {
  if (wanted === undefined) return false;
  if (wanted.size !== undefined && there.size !== wanted.size) return false;
  return signature(there, family) === signature(wanted, family);
}

function signature(set: NftSet, family: NftFamily | undefined): string {
  const { key, data, timeoutMs, each = [] } = set;
  const types = (list: readonly NftType[]): unknown =>
    family === undefined ? list : typeId(list, family);
  const to = Array.isArray(data) ? types(data as readonly NftType[]) : data;
  return JSON.stringify([types(key), to, timeoutMs, setFlags(set), each.length]);
}

/** A set without its elements. */
export function specOf(filled: NftFilledSet): NftSet {
  const { name, key, data, timeoutMs, flags, size, comment, each, userData } = filled;
  return {
    name,
    key,
    ...(data !== undefined && { data }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(flags !== undefined && { flags }),
    ...(size !== undefined && { size }),
    ...(comment !== undefined && { comment }),
    ...(each !== undefined && { each }),
    ...(userData !== undefined && { userData }),
  };
}
