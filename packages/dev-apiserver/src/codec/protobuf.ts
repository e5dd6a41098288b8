import { Buffer } from 'node:buffer';

import { formatTimestamp } from '@nodeagent/base';

import { statusError } from '../model/errors.js';
import { PROTOBUF_NUMBERS } from '../model/generated/protobuf-numbers.js';
import type { Kind } from '../model/kind.js';
import { KINDS } from '../model/kind-table.js';
import { apiVersionOf } from '../model/kinds.js';
import { isObject, type JsonObject } from '../model/object.js';
import { fieldsOf, type FieldType } from '../model/schema.js';

const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

interface WireField {
  readonly number: number;
  readonly value: bigint | Buffer;
}

/**
 * Reads `application/vnd.kubernetes.protobuf`, which kubectl's `create` uses for some kinds.
 *
 * @throws {StatusError} 400 for invalid bytes and for unknown kinds
 * @see Kubernetes apimachinery pkg/runtime/serializer/protobuf
 */
export function decodeProtobuf(bytes: Buffer): JsonObject {
  if (!bytes.subarray(0, 4).equals(MAGIC)) {
    throw statusError.badRequest('provided data does not appear to be a protobuf message');
  }
  const envelope = readFields(bytes.subarray(4));
  const typeMeta = readFields(bufferOf(envelope, 1));
  const apiVersion = bufferOf(typeMeta, 1).toString();
  const kind = bufferOf(typeMeta, 2).toString();
  const body = decodeMessage(typeNameOf(apiVersion, kind), bufferOf(envelope, 2));
  return { ...body, apiVersion, kind };
}

const EXTRA_TYPES: Readonly<Record<string, string>> = {
  DeleteOptions: 'V1DeleteOptions',
  Scale: 'V1Scale',
  Eviction: 'V1Eviction',
  Binding: 'V1Binding',
  TokenRequest: 'AuthenticationV1TokenRequest',
};

function typeNameOf(apiVersion: string, kind: string): string {
  const known = (row: Kind): boolean => row.kind === kind && apiVersionOf(row) === apiVersion;
  const type = KINDS.find(known)?.type ?? EXTRA_TYPES[kind];
  if (type !== undefined) return type;
  throw statusError.badRequest(`no kind "${kind}" is registered for version "${apiVersion}"`);
}

function bufferOf(fields: readonly WireField[], number: number): Buffer {
  const found = fields.find((field) => field.number === number)?.value;
  return Buffer.isBuffer(found) ? found : Buffer.alloc(0);
}

function numberOf(fields: readonly WireField[], number: number): number {
  const found = fields.find((field) => field.number === number)?.value;
  return typeof found === 'bigint' ? Number(BigInt.asIntN(64, found)) : 0;
}

function readFields(bytes: Buffer): readonly WireField[] {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined || shift > 63n) throw statusError.badRequest('truncated protobuf');
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw statusError.badRequest('truncated protobuf');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    const wire = tag & 7;
    if (wire === 0) fields.push({ number, value: varint() });
    else if (wire === 2) fields.push({ number, value: take(Number(varint())) });
    else if (wire === 1) fields.push({ number, value: take(8) });
    else if (wire === 5) fields.push({ number, value: take(4) });
    else throw statusError.badRequest(`protobuf wire type ${wire} is not used by Kubernetes`);
  }
  return fields;
}

interface Place {
  readonly name: string;
  readonly field: FieldType;
}

interface Layout {
  readonly direct: ReadonlyMap<number, Place>;
  /** Go's embedded structs: a message whose fields belong to the outer object. */
  readonly embedded: ReadonlyMap<number, ReadonlyMap<number, Place>>;
}

const layouts = new Map<string, Layout>();

function layoutOf(type: string): Layout {
  const known = layouts.get(type);
  if (known !== undefined) return known;
  const direct = new Map<number, Place>();
  const embedded = new Map<number, Map<number, Place>>();
  for (const entry of (PROTOBUF_NUMBERS[type] ?? '').split(' ').filter((text) => text !== '')) {
    const [name = '', numbers = ''] = entry.split('=');
    const field = fieldsOf(type)?.get(name);
    const [outer = 0, inner] = numbers.split('.').map(Number);
    if (field === undefined) continue;
    if (inner === undefined) direct.set(outer, { name, field });
    else
      embedded.set(
        outer,
        (embedded.get(outer) ?? new Map<number, Place>()).set(inner, { name, field }),
      );
  }
  const layout = { direct, embedded };
  layouts.set(type, layout);
  return layout;
}

function decodeMessage(type: string, bytes: Buffer): JsonObject {
  const object: JsonObject = {};
  const { direct, embedded } = layoutOf(type);
  for (const { number, value } of readFields(bytes)) {
    const place = direct.get(number);
    const group = embedded.get(number);
    if (place !== undefined) addField(object, place, value);
    else if (group !== undefined && Buffer.isBuffer(value)) {
      for (const inner of readFields(value)) {
        const innerPlace = group.get(inner.number);
        if (innerPlace !== undefined) addField(object, innerPlace, inner.value);
      }
    }
  }
  return object;
}

/** Numbers and booleans that Go writes even when they are not set; zero means absent. */
const ABSENT_WHEN_ZERO = new Set([
  'hostPort',
  'nodePort',
  'healthCheckNodePort',
  'generation',
  'readOnly',
  'tty',
  'stdin',
]);

function addField(object: JsonObject, { name, field }: Place, value: bigint | Buffer): void {
  if (field.shape === 'list') {
    const list = (object[name] ??= []);
    if (Array.isArray(list)) list.push(decodeOne(field.of, value));
  } else if (field.shape === 'map') {
    const entry = Buffer.isBuffer(value) ? readFields(value) : [];
    const map = (object[name] ??= {});
    if (isObject(map)) map[bufferOf(entry, 1).toString()] = decodeOne(field.of, bufferOf(entry, 2));
  } else {
    const one = decodeOne(field.of, value);
    const absent = one === undefined || one === '' || (ABSENT_WHEN_ZERO.has(name) && !one);
    if (!absent) object[name] = one;
  }
}

function decodeOne(of: string, value: bigint | Buffer): unknown {
  if (typeof value === 'bigint') {
    return of === 'boolean' ? value !== 0n : Number(BigInt.asIntN(64, value));
  }
  switch (of) {
    case 'string':
      return value.toString('utf8');
    case 'bytes':
      return value.toString('base64');
    case 'double':
      return value.readDoubleLE(0);
    case 'quantity':
      return bufferOf(readFields(value), 1).toString();
    case 'time':
    case 'microtime': {
      const fields = readFields(value);
      const ms = numberOf(fields, 1) * 1_000 + numberOf(fields, 2) / 1e6;
      return fields.length === 0 ? undefined : formatTimestamp(ms, of === 'time' ? 0 : 6);
    }
    case 'int-or-string': {
      const fields = readFields(value);
      return numberOf(fields, 1) === 0 ? numberOf(fields, 2) : bufferOf(fields, 3).toString();
    }
    case 'any': {
      const raw = bufferOf(readFields(value), 1).toString();
      return raw === '' ? undefined : (JSON.parse(raw) as unknown);
    }
    default:
      return decodeMessage(of, value);
  }
}
