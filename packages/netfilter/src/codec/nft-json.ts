import { NetfilterError } from '../model/errors.js';
import type {
  NftChain,
  NftElement,
  NftHook,
  NftInventory,
  NftSet,
  NftValue,
  NftVerdict,
} from '../model/nftables.js';

/** What `nft --json` wraps everything in. @see nftables doc/libnftables-json.adoc, schema 1 */
interface Listing {
  readonly nftables: readonly Readonly<Record<string, unknown>>[];
}

interface WireChain {
  readonly name: string;
  readonly type?: string;
  readonly hook?: string;
  readonly prio?: number;
}

interface WireSet {
  readonly name: string;
  readonly elem?: readonly unknown[];
}

/**
 * Chains and sets of `nft --json --terse list table`.
 *
 * @throws {NetfilterError} `NETFILTER_PARSE`
 */
export function parseNftInventory(text: string): NftInventory {
  const chains: NftChain[] = [];
  const sets: string[] = [];
  for (const { chain, set, map } of parseListing(text).nftables) {
    if (chain !== undefined) chains.push(chainOf(chain as WireChain));
    const container = (set ?? map) as WireSet | undefined;
    if (container !== undefined) sets.push(container.name);
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
    const found = (plain ?? map) as WireSet | undefined;
    if (found?.name !== set.name) continue;
    return (found.elem ?? []).map((element) => elementOf(element, set));
  }
  throw new NetfilterError('NETFILTER_PARSE', `nft: no set ${set.name} in what it printed`);
}

function parseListing(text: string): Listing {
  try {
    const listing = JSON.parse(text) as Partial<Listing>;
    if (Array.isArray(listing.nftables)) return listing as Listing;
  } catch (cause) {
    throw new NetfilterError('NETFILTER_PARSE', 'nft: what it printed is no JSON', { cause });
  }
  throw new NetfilterError('NETFILTER_PARSE', 'nft: what it printed is no listing');
}

function chainOf({ name, type, hook, prio }: WireChain): NftChain {
  if (type === undefined || hook === undefined) return { name };
  const base = { type, hook, priority: prio ?? 0 } as NftHook;
  return { name, base };
}

function elementOf(wire: unknown, set: NftSet): NftElement {
  if (set.data === undefined) return { key: fields(unwrapped(wire)) };
  if (!Array.isArray(wire)) throw unknownForm(wire);
  const [key, data] = wire as readonly unknown[];
  return {
    key: fields(unwrapped(key)),
    data: set.data === 'verdict' ? verdict(data) : fields(data),
  };
}

/** A comment or a time-out puts the value into a wrapper. */
function unwrapped(wire: unknown): unknown {
  const { elem } = Object(wire) as { elem?: { val?: unknown } };
  return elem?.val ?? wire;
}

function fields(wire: unknown): readonly NftValue[] {
  const { concat } = Object(wire) as { concat?: unknown };
  const parts: readonly unknown[] = Array.isArray(concat) ? concat : [wire];
  return parts.map((value) => {
    if (typeof value === 'string' || typeof value === 'number') return value;
    throw unknownForm(value);
  });
}

function verdict(wire: unknown): NftVerdict {
  const [kind, value] = Object.entries(Object(wire) as object)[0] ?? [];
  if (kind === 'accept' || kind === 'drop' || kind === 'return') return { kind };
  const { target } = Object(value) as { target?: string };
  if ((kind === 'jump' || kind === 'goto') && target !== undefined) return { kind, chain: target };
  throw unknownForm(wire);
}

function unknownForm(wire: unknown): NetfilterError {
  return new NetfilterError('NETFILTER_PARSE', `nft: unknown element ${JSON.stringify(wire)}`);
}
