import type { Reader, Writer } from 'protobufjs/minimal.js';

import type { Field, Message, PartialOf } from './message.js';

const VARINT = 0;
const BYTES = 2;

/** A field of one number whose values can be compared with the default. */
function scalar<T>(
  id: number,
  absent: T,
  wire: {
    readonly type: number;
    write(writer: Writer, value: T): void;
    read(reader: Reader): T;
  },
): Field<T> {
  const tag = tagOf(id, wire.type);
  return {
    ids: [id],
    absent: () => absent,
    write: (writer, value) => {
      if (value !== absent) wire.write(writer.uint32(tag), value);
    },
    read: (reader) => wire.read(reader),
  };
}

function tagOf(id: number, wireType: number): number {
  return ((id << 3) | wireType) >>> 0;
}

/** A field of Protobuf type `string`, in UTF-8; empty when absent. */
export function string(id: number): Field<string> {
  return scalar(id, '', {
    type: BYTES,
    write: (writer, value) => void writer.string(value),
    read: (reader) => reader.string(),
  });
}

/** A field of Protobuf type `bool`; false when absent. */
export function bool(id: number): Field<boolean> {
  return scalar(id, false, {
    type: VARINT,
    write: (writer, value) => void writer.bool(value),
    read: (reader) => reader.bool(),
  });
}

/** A field of Protobuf type `int32`; 0 when absent. */
export function int32(id: number): Field<number> {
  return scalar(id, 0, {
    type: VARINT,
    write: (writer, value) => void writer.int32(value),
    read: (reader) => reader.int32(),
  });
}

/** Exact up to 2^53; larger values are rounded to the nearest double. */
export function int64(id: number): Field<number> {
  return scalar(id, 0, {
    type: VARINT,
    write: (writer, value) => void writer.int64(value),
    read: (reader) => Number(reader.int64()),
  });
}

/**
 * An enumeration by names; the index in `names` is the number on the wire. The first name also
 * represents numbers that are not in the list, which newer peers may send.
 */
export function choice<const Names extends readonly [string, ...string[]]>(
  id: number,
  names: Names,
): Field<Names[number]> {
  return scalar<Names[number]>(id, names[0], {
    type: VARINT,
    write: (writer, value) => void writer.int32(names.indexOf(value)),
    read: (reader) => names[reader.int32()] ?? names[0],
  });
}

/** Another message; undefined when absent, which differs from an empty one. */
export function one<T>(id: number, of: Message<T>): Field<T | undefined> {
  return {
    ids: [id],
    absent: () => undefined,
    write: (writer, value) => {
      if (value !== undefined) writeNested(writer, id, { of, value });
    },
    read: (reader) => readNested(reader, of),
  };
}

/** A list of messages. */
export function many<T>(id: number, of: Message<T>): Field<readonly T[]> {
  return {
    ids: [id],
    absent: () => [],
    write: (writer, value) => {
      for (const item of value) writeNested(writer, id, { of, value: item });
    },
    read: (reader, _id, before) => added(before, readNested(reader, of)),
  };
}

/** A list of strings. */
export function strings(id: number): Field<readonly string[]> {
  return {
    ids: [id],
    absent: () => [],
    write: (writer, value) => {
      for (const item of value) writer.uint32(tagOf(id, BYTES)).string(item);
    },
    read: (reader, _id, before) => added(before, reader.string()),
  };
}

/** A map of strings to strings. */
export function map(id: number): Field<Readonly<Record<string, string>>> {
  return {
    ids: [id],
    absent: () => ({}),
    write: (writer, value) => {
      for (const [key, text] of Object.entries(value)) {
        writer.uint32(tagOf(id, BYTES)).fork();
        writer.uint32(tagOf(1, BYTES)).string(key).uint32(tagOf(2, BYTES)).string(text).ldelim();
      }
    },
    read: (reader, _id, before) => {
      const { key, value } = readEntry(reader);
      // an assignment would set the prototype where a peer sends the key `__proto__`
      const property = { value, enumerable: true, configurable: true, writable: true };
      return Object.defineProperty(before, key, property);
    },
  };
}

/** `google.protobuf.BoolValue` and similar: undefined, or the value in a message of its own. */
export function wrapped<T>(id: number, of: (id: 1) => Field<T>): Field<T | undefined> {
  const inner = of(1);
  return {
    ids: [id],
    absent: () => undefined,
    write: (writer, value) => {
      if (value === undefined) return;
      writer.uint32(tagOf(id, BYTES)).fork();
      inner.write(writer, value);
      writer.ldelim();
    },
    read: (reader) => {
      const end = endOf(reader);
      let value = inner.absent();
      while (reader.pos < end) {
        const tag = reader.uint32();
        if (tag >>> 3 === 1) value = inner.read(reader, 1, value);
        else reader.skipType(tag & 7);
      }
      return value;
    },
  };
}

/** Messages by name, at most one of them present: `oneOf({ mount: […], block: […] })`. */
export type OneOf<Cases> = {
  readonly [K in keyof Cases]: { readonly kind: K; readonly value: Cases[K] };
}[keyof Cases];

/** A `oneof` whose members are messages. A later member on the wire replaces an earlier one. */
export function oneOf<Cases extends object>(members: {
  readonly [K in keyof Cases]: readonly [id: number, of: Message<Cases[K]>];
}): Field<OneOf<Cases> | undefined> {
  type Kind = keyof Cases & string;
  const kinds = Object.keys(members) as Kind[];
  const kindOf = new Map(kinds.map((kind) => [members[kind][0], kind]));
  return {
    ids: [...kindOf.keys()],
    absent: () => undefined,
    write: (writer, chosen) => {
      if (chosen === undefined) return;
      const [id, of] = members[chosen.kind];
      writeNested(writer, id, { of, value: chosen.value });
    },
    read: (reader, id, before) => {
      const kind = kindOf.get(id);
      if (kind === undefined) return before;
      return { kind, value: readNested(reader, members[kind][1]) };
    },
  };
}

function writeNested<T>(
  writer: Writer,
  id: number,
  { of, value }: { readonly of: Message<T>; readonly value: PartialOf<T> },
): void {
  writer.uint32(tagOf(id, BYTES)).fork();
  of.write(writer, value);
  writer.ldelim();
}

function readNested<T>(reader: Reader, of: Message<T>): T {
  return of.read(reader, endOf(reader));
}

/** @throws {RangeError} if the length exceeds the message */
function endOf(reader: Reader): number {
  const bytes = reader.uint32();
  const end = reader.pos + bytes;
  if (end > reader.len) throw new RangeError(`field of ${bytes} bytes ends beyond its message`);
  return end;
}

function readEntry(reader: Reader): { readonly key: string; readonly value: string } {
  const end = endOf(reader);
  const entry = { key: '', value: '' };
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) entry.key = reader.string();
    else if (tag >>> 3 === 2) entry.value = reader.string();
    else reader.skipType(tag & 7);
  }
  return entry;
}

/**
 * Appends in place: `absent` created each list for this message only, and copying long lists would
 * take quadratic time.
 */
function added<T>(before: readonly T[], item: T): readonly T[] {
  (before as T[]).push(item);
  return before;
}
