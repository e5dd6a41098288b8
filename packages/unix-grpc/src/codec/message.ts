import protobuf, { type Reader, type Writer } from 'protobufjs/minimal.js';

/**
 * One field of a message, or the fields of one `oneof`.
 *
 * @see https://protobuf.dev/programming-guides/encoding/ for the wire types
 */
export interface Field<T> {
  /** Field numbers, 1 to 536,870,911; several for a `oneof`. */
  readonly ids: readonly number[];
  /** The value of a field that is not on the wire; a new object each time. */
  absent(): T;
  /** Writes nothing if the value equals the absent one. */
  write(writer: Writer, value: T): void;
  /** @returns the value after this occurrence of the field: a later one replaces or joins `before` */
  read(reader: Reader, id: number, before: T): T;
}

/** Fields by name, each with its number on the wire. */
export type FieldTable = Readonly<Record<string, Field<unknown>>>;

/** A decoded message: every field is present, with proto3's default if it was not on the wire. */
export type MessageOf<T extends FieldTable> = {
  readonly [K in keyof T]: T[K] extends Field<infer V> ? V : never;
};

/** A message with bytes on the wire and plain data in memory. */
export interface Message<T> {
  /** Fields that are left out, or undefined, are not written. */
  encode(value: PartialOf<T>): Buffer;
  /**
   * Skips fields that the table lacks, which newer peers may send.
   *
   * @throws on malformed bytes
   */
  decode(bytes: Uint8Array): T;
  /** Writes the fields without a length prefix. */
  write(writer: Writer, value: PartialOf<T>): void;
  /** Reads the fields up to `end`, an offset of the reader. */
  read(reader: Reader, end: number): T;
}

/** The fields that a sender may leave out. */
export type PartialOf<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** The plain object that a message's bytes become. */
export type Decoded<M> = M extends Message<infer T> ? T : never;

interface Row {
  readonly name: string;
  readonly field: Field<unknown>;
}

/**
 * A message from a table of its fields. One table gives the type and both directions.
 *
 *     const Volume = message({ volumeId: string(2), capacityBytes: int64(1) });
 *     type Volume = Decoded<typeof Volume>; // { volumeId: string; capacityBytes: number }
 *
 * @example
 * ```ts
 * import { int32, message, string } from '@nodeagent/unix-grpc';
 *
 * const Point = message({ name: string(1), x: int32(2) });
 * const { name, x } = Point.decode(Point.encode({ name: 'home' }));
 * console.log(name, x); // home 0
 * ```
 */
export function message<T extends FieldTable>(table: T): Message<MessageOf<T>> {
  const rows: readonly Row[] = Object.entries(table).map(([name, field]) => ({ name, field }));
  const byId = new Map(rows.flatMap((row) => row.field.ids.map((id) => [id, row] as const)));

  const write = (writer: Writer, value: PartialOf<MessageOf<T>>): void => {
    const values: Readonly<Record<string, unknown>> = value;
    for (const { name, field } of rows) {
      const one = values[name];
      if (one !== undefined) field.write(writer, one);
    }
  };
  const read = (reader: Reader, end: number): MessageOf<T> => {
    const values: Record<string, unknown> = {};
    for (const { name, field } of rows) values[name] = field.absent();
    while (reader.pos < end) {
      const tag = reader.uint32();
      const row = byId.get(tag >>> 3);
      if (row === undefined) reader.skipType(tag & 7);
      else values[row.name] = row.field.read(reader, tag >>> 3, values[row.name]);
    }
    return values as MessageOf<T>;
  };
  return {
    write,
    read,
    encode: (value) => {
      const writer = protobuf.Writer.create();
      write(writer, value);
      return writer.finish() as Buffer; // the library makes Buffers on Node.js
    },
    decode: (bytes) => {
      const reader = protobuf.Reader.create(bytes);
      return read(reader, reader.len);
    },
  };
}
