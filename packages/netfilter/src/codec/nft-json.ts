import { isNetfilterError, NetfilterError } from '../model/errors.js';
import type {
  NftChain,
  NftElement,
  NftHook,
  NftInventory,
  NftSet,
  NftValue,
  NftVerdict,
} from '../model/nftables.js';

/** The outermost object of `nft --json`. @see nftables doc/libnftables-json.adoc, schema 1 */
interface Listing {
  readonly nftables: readonly Readonly<Record<string, unknown>>[];
}

/** An object of the listing, not yet checked. */
type Wire = Readonly<Record<string, unknown>>;

/**
 * Chains and sets of `nft --json --terse list table`.
 *
 * @throws {NetfilterError} `NETFILTER_PARSE`
 */
export function parseNftInventory(text: string): NftInventory {
  const chains: NftChain[] = [];
  const sets: string[] = [];
  for (const { chain, set, map } of parseListing(text).nftables) {
    if (chain !== undefined) chains.push(chainOf(wireOf(chain)));
    const container = set ?? map;
    if (container !== undefined) sets.push(nameOf(wireOf(container)));
  }
  return { chains, sets };
}

/**
 * The elements of one set or map of `nft --json list set|map`.
 *
 * @throws {NetfilterError} `NETFILTER_PARSE`
 */
export function parseNftElements(text: string, set: NftSet): readonly NftElement[] {
  for (const { set: plain, map } of parseListing(text).nftables) {
    const found = plain ?? map;
    if (found === undefined) continue;
    const { name, elem = [] } = wireOf(found);
    if (name !== set.name) continue;
    if (!Array.isArray(elem)) throw unknownForm('elements of a set');
    return elem.map((element) => elementOf(element, set));
  }
  throw new NetfilterError('NETFILTER_PARSE', `nft: the output has no set ${set.name}`);
}

function parseListing(text: string): Listing {
  try {
    const { nftables } = Object(JSON.parse(text)) as { nftables?: unknown };
    if (Array.isArray(nftables)) return { nftables: nftables.map(wireOf) };
  } catch (cause) {
    if (isNetfilterError(cause)) throw cause;
    throw new NetfilterError('NETFILTER_PARSE', 'nft: the output is not JSON', { cause });
  }
  throw new NetfilterError('NETFILTER_PARSE', 'nft: the output is not a listing');
}

function wireOf(value: unknown): Wire {
  if (typeof value === 'object' && value !== null) return value as Wire;
  throw unknownForm('object of a listing');
}

function nameOf({ name }: Wire): string {
  if (typeof name === 'string') return name;
  throw unknownForm('name');
}

function chainOf(wire: Wire): NftChain {
  const { type, hook, prio = 0 } = wire;
  const name = nameOf(wire);
  if (typeof type !== 'string' || typeof hook !== 'string') return { name };
  const base = { type, hook, priority: typeof prio === 'number' ? prio : 0 } as NftHook;
  return { name, base };
}

function elementOf(wire: unknown, set: NftSet): NftElement {
  if (set.data === undefined) return { key: fields(unwrapped(wire)) };
  if (!Array.isArray(wire)) throw unknownForm('element of a map');
  const [key, data] = wire as readonly unknown[];
  return {
    key: fields(unwrapped(key)),
    data: set.data === 'verdict' ? verdict(data) : fields(data),
  };
}

/** A comment or a timeout puts the value into a wrapper. */
function unwrapped(wire: unknown): unknown {
  const { elem } = Object(wire) as { elem?: { val?: unknown } | null };
  return elem?.val ?? wire;
}

function fields(wire: unknown): readonly NftValue[] {
  const { concat } = Object(wire) as { concat?: unknown };
  const parts: readonly unknown[] = Array.isArray(concat) ? concat : [wire];
  return parts.map((value) => {
    if (typeof value === 'string' || typeof value === 'number') return value;
    throw unknownForm('part of an element');
  });
}

function verdict(wire: unknown): NftVerdict {
  const [kind, value] = Object.entries(Object(wire) as object)[0] ?? [];
  if (kind === 'accept' || kind === 'drop' || kind === 'return') return { kind };
  const { target } = Object(value) as { target?: unknown };
  if ((kind === 'jump' || kind === 'goto') && typeof target === 'string') {
    return { kind, chain: target };
  }
  throw unknownForm('verdict');
}

/** The message leaves out the value: it may be of any size. */
function unknownForm(what: string): NetfilterError {
  return new NetfilterError('NETFILTER_PARSE', `nft: the output has an unknown ${what}`);
}
