import {
  NFT_FIELDS,
  type NftBase,
  type NftField,
  type NftFieldRow,
  nftFieldRow,
} from '../model/nft-fields.js';
import type { NftMapRef } from '../model/nft-steps.js';
import { type NftTypeRow, nftTypeRow } from '../model/nft-types.js';
import type { NftFamily, NftKeyPart } from '../model/nftables.js';
import type { RuleContext } from './nft-context.js';
import { BASES } from './nft-expressions.js';
import { type ResolvedPart, resolvePart } from './nft-parts.js';

/** Thrown at expressions that the model does not know; they are then kept word by word. */
export class Unreadable extends Error {}

/** The contents of a register. */
export interface Loaded {
  readonly bytes: number;
  /** A part of the packet, unless it is a payload that is not yet named. */
  readonly part?: NftKeyPart;
  readonly payload?: Readonly<{ base: NftBase | 'inner'; offset: number }>;
  readonly mask?: Buffer;
  readonly xor?: Buffer;
  /** True when the byte order was turned round. */
  readonly isTurned?: boolean;
  readonly value?: Buffer;
  readonly map?: Readonly<{ key: readonly NftKeyPart[]; map: NftMapRef }>;
}

/** A named part, and the bits of it that the mask selects when they are a field of their own. */
export interface NamedPart extends ResolvedPart {
  readonly part: NftKeyPart;
  readonly shift?: number;
}

const ROWS = Object.keys(NFT_FIELDS).map(
  (name) => [name as NftField, nftFieldRow(name) as NftFieldRow] as const,
);

const payloads = new Map<string, (readonly [NftField, NftFieldRow])[]>();
const others = new Map<string, NftField>();
for (const [name, row] of ROWS) {
  const { place } = row;
  if (place.from === 'payload') {
    const key = `${place.base} ${place.offset} ${place.bytes}`;
    const known = payloads.get(key);
    if (known === undefined) payloads.set(key, [[name, row]]);
    else known.push([name, row]);
  } else others.set(placeKey(place.from, place.key, directionOf(place)), name);
}

function directionOf(place: NftFieldRow['place']): number | undefined {
  return place.from === 'ct' ? place.direction : undefined;
}

function placeKey(from: string, key: number, direction: number | undefined): string {
  return `${from} ${key} ${direction ?? ''}`;
}

/** Names a field of a packet's metadata. @throws {Unreadable} */
export function fieldAt(
  from: 'meta' | 'ct' | 'rt' | 'socket',
  key: number | undefined,
  direction?: number,
): NftField {
  const name = others.get(placeKey(from, key ?? -1, direction));
  if (name === undefined) throw new Unreadable();
  return name;
}

/** Returns the fields at a place that packets which get here can have. */
export function payloadFields(
  place: Readonly<{ base: string; offset: number; bytes: number }>,
  context: RuleContext,
): readonly (readonly [NftField, NftFieldRow])[] {
  const found = payloads.get(`${place.base} ${place.offset} ${place.bytes}`) ?? [];
  const fits = found.filter(([, { needs = {} }]) => {
    const { network, transport, link } = needs;
    return (
      (network === undefined || network === context.network) &&
      (transport === undefined || transport === context.transport) &&
      (link === undefined || link === context.link)
    );
  });
  // a port of a known protocol rather than a port of any
  return fits.toSorted((a, b) => Number(isAny(a[1])) - Number(isAny(b[1])));
}

function isAny({ needs }: NftFieldRow): boolean {
  return needs?.transport === undefined;
}

/** Names what is loaded. @throws {Unreadable} */
export function nameLoaded(loaded: Loaded, family: NftFamily, context: RuleContext): NamedPart {
  const { part, payload, mask, bytes } = loaded;
  if (part !== undefined) return { part, ...resolvePart(part, family) };
  if (payload === undefined) throw new Unreadable();
  const fields = payloadFields({ ...payload, bytes }, context);
  const number = mask === undefined ? undefined : Number(`0x${mask.toString('hex')}`);
  for (const [name, row] of fields) {
    if (row.place.from !== 'payload') continue;
    const { mask: bits, shift = 0 } = row.place;
    if (bits === undefined) continue;
    if (bits === number) return { part: name, shift, ...resolvePart(name, family) };
  }
  const whole = fields.find(
    ([, { place }]) => place.from === 'payload' && place.mask === undefined,
  );
  if (whole !== undefined) return { part: whole[0], ...resolvePart(whole[0], family) };
  const raw = { base: payload.base, offset: payload.offset, bytes } as const;
  return { part: raw, ...resolvePart(raw, family) };
}

/** Finds the field whose bits these are of the loaded bytes. @throws {Unreadable} */
export function bitsWithin(
  { payload, bytes, mask }: Loaded,
  context: RuleContext,
): Readonly<{ field: NftField; shift: number; row: NftTypeRow }> {
  const wanted = BigInt(`0x${mask?.toString('hex') ?? '0'}`);
  if (payload === undefined) throw new Unreadable();
  for (let first = 0; first < bytes; first += 1) {
    for (let size = 1; first + size <= bytes; size += 1) {
      const place = { base: payload.base, offset: payload.offset + first, bytes: size };
      for (const [field, { place: own, type }] of payloadFields(place, context)) {
        if (own.from !== 'payload') continue;
        const below = (bytes - first - size) * 8;
        const bits = BigInt(own.mask ?? (1n << BigInt(size * 8)) - 1n) << BigInt(below);
        if (bits !== wanted) continue;
        return { field, shift: below + (own.shift ?? 0), row: nftTypeRow(type) };
      }
    }
  }
  throw new Unreadable();
}

/** @throws {Unreadable} */
export function baseName(number: number | undefined): keyof typeof BASES {
  const found = Object.entries(BASES).find(([, value]) => value === number);
  if (found === undefined) throw new Unreadable();
  return found[0] as keyof typeof BASES;
}

/** The registers of a rule, as 32-bit cells. */
export class Registers {
  readonly #cells = new Map<number, Loaded>();

  set(register: number | undefined, loaded: Loaded): void {
    this.#cells.set(cellOf(register), loaded);
  }

  /** @throws {Unreadable} when nothing known was loaded */
  get(register: number | undefined): Loaded {
    const found = this.#cells.get(cellOf(register));
    if (found === undefined) throw new Unreadable();
    return found;
  }

  /** Returns everything from a register on without a gap. @throws {Unreadable} */
  from(register: number | undefined): readonly Loaded[] {
    const found: Loaded[] = [];
    for (let cell = cellOf(register); ;) {
      const loaded = this.#cells.get(cell);
      if (loaded === undefined) break;
      found.push(loaded);
      cell += Math.ceil(loaded.bytes / 4);
    }
    if (found.length === 0) throw new Unreadable();
    return found;
  }

  clear(): void {
    this.#cells.clear();
  }
}

/** Registers 1 to 4 are 16 bytes long; from 8 on they are numbered in steps of 4 bytes. */
function cellOf(register: number | undefined): number {
  if (register === undefined) throw new Unreadable();
  return register < 8 ? 8 + (register - 1) * 4 : register;
}
