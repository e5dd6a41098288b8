import { NetlinkError } from '../model/errors.js';
import { ByteWriter, LITTLE_ENDIAN } from './byte-writer.js';

/** Encodes and decodes one kind of attribute. */
export interface Attr<T> {
  /** The id without flag bits; the writer adds {@link flags}. */
  readonly id: number;
  /** OR-ed to the id on the wire: `NLA_F_NESTED` for nests. */
  readonly flags: number;
  /** Writes the payload. @throws {NetlinkError} `NETLINK_VALUE` */
  write(out: ByteWriter, value: T): void;
  /** @throws {NetlinkError} `NETLINK_MALFORMED` when the payload is too short */
  read(payload: Buffer): T;
}

/** The attributes of one message or nest, by this program's names. */
export type AttrTable = Readonly<Record<string, Attr<unknown>>>;

/** The values of a table; every attribute may be absent. */
export type AttrValues<T extends AttrTable> = {
  readonly [K in keyof T]?: (T[K] extends Attr<infer V> ? V : never) | undefined;
};

/** The position of an attribute's payload. */
export interface RawAttr {
  /** The id without the two flag bits. */
  readonly id: number;
  readonly payload: Buffer;
}

/** The kernel's flag bits in an attribute's type. */
const ID_MASK = 0x3fff;

const HEADER = 4;

/** Appends the attributes in the order of the table; absent values are left out. */
export function writeAttrs<T extends AttrTable>(
  out: ByteWriter,
  table: T,
  values: AttrValues<T>,
): void {
  const { entries } = compiled(table);
  for (let i = 0; i < entries.length; i += 1) {
    const { name, attr } = entries[i] as CompiledEntry;
    const value = (values as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined) writeAttr(out, attr, value);
  }
}

/** Appends one attribute. */
export function writeAttr<T>(out: ByteWriter, attr: Attr<T>, value: T): void {
  const at = out.beginAttr(attr.id | attr.flags);
  attr.write(out, value);
  out.endAttr(at);
}

/** Encodes values in the order of the table; absent values are left out. */
export function encodeAttrs<T extends AttrTable>(table: T, values: AttrValues<T>): Buffer {
  const out = new ByteWriter(256);
  writeAttrs(out, table, values);
  return out.view();
}

/**
 * Decodes the attributes in the table and skips others, because newer kernels add some. If an id
 * repeats, the last one counts.
 *
 * @throws {NetlinkError} `NETLINK_MALFORMED`
 */
export function decodeAttrs<T extends AttrTable>(table: T, bytes: Buffer): AttrValues<T> {
  const { byId } = compiled(table);
  const values: Record<string, unknown> = {};
  for (const { id, payload } of splitAttrs(bytes)) {
    const entry = byId.get(id);
    if (entry !== undefined) values[entry.name] = entry.attr.read(payload);
  }
  return values as AttrValues<T>;
}

/**
 * Splits a sequence of attributes without decoding them; payloads share memory with `bytes`.
 *
 * @throws {NetlinkError} `NETLINK_MALFORMED` when a length points outside
 */
export function* splitAttrs(bytes: Buffer): Generator<RawAttr, void> {
  let at = 0;
  while (at < bytes.length) {
    const left = bytes.length - at;
    if (left < HEADER) throw malformed(`${left} bytes left over after the last attribute`);
    const size = LITTLE_ENDIAN ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
    const type = LITTLE_ENDIAN ? bytes.readUInt16LE(at + 2) : bytes.readUInt16BE(at + 2);
    if (size < HEADER || size > left) {
      throw malformed(`attribute ${type & ID_MASK} says ${size} bytes of ${left}`);
    }
    yield { id: type & ID_MASK, payload: bytes.subarray(at + HEADER, at + size) };
    at += (size + 3) & ~3;
  }
}

interface CompiledEntry {
  readonly name: string;
  readonly attr: Attr<unknown>;
}

interface CompiledTable {
  readonly entries: readonly CompiledEntry[];
  readonly byId: ReadonlyMap<number, CompiledEntry>;
}

const tables = new WeakMap<AttrTable, CompiledTable>();

function compiled(table: AttrTable): CompiledTable {
  const known = tables.get(table);
  if (known !== undefined) return known;
  const entries = Object.entries(table).map(([name, attr]) => ({ name, attr }));
  const fresh = { entries, byId: new Map(entries.map((entry) => [entry.attr.id, entry])) };
  tables.set(table, fresh);
  return fresh;
}

function malformed(what: string): NetlinkError {
  return new NetlinkError('NETLINK_MALFORMED', what);
}
