import { Buffer } from 'node:buffer';

import protobuf from 'protobufjs/minimal.js';

/** One item of a list: its fields as they were on the wire, and their decoded value. */
interface Known<Item> {
  readonly bytes: Buffer;
  /** Start of each field; the last entry is the end of the final field. */
  readonly bounds: readonly number[];
  readonly item: Item;
}

/** Tags of `repeated Item items = 1` and, within each item, of `string id = 1`. */
const FIRST_FIELD = (1 << 3) | 2;

/**
 * Decodes replies that are one list of items with ids, and decodes only items that changed since
 * the last reply. A kubelet asks the runtime for its lists every second or two, and almost nothing
 * in them changes. With 100 pods, decoding everything each time took most of an idle kubelet's
 * time, two thirds of it in garbage collection.
 *
 * The order of fields does not matter: only maps repeat a field, and runtimes write maps in another
 * order each time.
 *
 * Callers share the items and must not change them.
 */
export class KnownItems<Item extends Readonly<{ id: string }>> {
  readonly #decode: (bytes: Uint8Array) => Item;
  readonly #known = new Map<string, Known<Item>>();

  constructor(decode: (bytes: Uint8Array) => Item) {
    this.#decode = decode;
  }

  /** @throws when the bytes are not such a message */
  read(reply: Buffer): readonly Item[] {
    const reader = protobuf.Reader.create(reply);
    const items: Item[] = [];
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag !== FIRST_FIELD) {
        reader.skipType(tag & 7);
        continue;
      }
      const length = reader.uint32();
      const start = reader.pos;
      reader.skip(length);
      items.push(this.#read(reply.subarray(start, reader.pos)));
    }
    return items;
  }

  /** Drops items that the new list lacks: a complete list shows all that exist. */
  keepOnly(items: readonly Item[]): void {
    if (items.length === this.#known.size) return;
    const ids = new Set<string>(items.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
  }

  #read(message: Buffer): Item {
    const known = this.#known.get(idOf(message));
    if (known !== undefined && hasFieldsOf(message, known)) return known.item;
    const bytes = Buffer.from(message);
    const item = this.#decode(bytes);
    if (item.id !== '') this.#known.set(item.id, { bytes, bounds: boundsOf(bytes), item });
    return item;
  }
}

/** Returns an empty id when the first field is another one: encoders write fields in order. */
function idOf(message: Buffer): string {
  const length = message[1] ?? 0;
  const isShortId = message[0] === FIRST_FIELD && length < 0x80;
  return isShortId ? message.toString('latin1', 2, 2 + length) : '';
}

function boundsOf(message: Buffer): readonly number[] {
  const reader = protobuf.Reader.create(message);
  const bounds: number[] = [];
  while (reader.pos < reader.len) {
    bounds.push(reader.pos);
    reader.skipType(reader.uint32() & 7);
  }
  bounds.push(reader.pos);
  return bounds;
}

/** Reports whether a message has exactly the known fields, in any order. */
function hasFieldsOf(message: Buffer, { bytes, bounds }: Known<unknown>): boolean {
  if (message.length !== bytes.length) return false;
  if (message.equals(bytes)) return true;
  const reader = protobuf.Reader.create(message);
  const count = bounds.length - 1;
  const left = new Uint8Array(count).fill(1);
  for (let place = 0; reader.pos < reader.len; place += 1) {
    const start = reader.pos;
    reader.skipType(reader.uint32() & 7);
    let found = -1;
    for (let step = 0; step < count && found < 0; step += 1) {
      const at = (place + step) % count;
      const from = bounds[at] ?? 0;
      const to = bounds[at + 1] ?? 0;
      const fits = left[at] === 1 && to - from === reader.pos - start;
      if (fits && message.compare(bytes, from, to, start, reader.pos) === 0) found = at;
    }
    if (found < 0) return false;
    left[found] = 0;
  }
  return true;
}
