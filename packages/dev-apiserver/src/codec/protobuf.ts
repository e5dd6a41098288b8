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

/** Fields by number. One of Go's embedded structs is a message whose fields belong to the outer object. */
type Layout = ReadonlyMap<number, Place | Layout>;
type NewLayout = Map<number, Place | NewLayout>;

const layouts = new Map<string, Layout>();

/** @throws {StatusError} 415 for a type whose numbers are not known */
function layoutOf(type: string): Layout {
  const known = layouts.get(type);
  if (known !== undefined) return known;
  const numbers = PROTOBUF_NUMBERS[type];
  if (numbers === undefined) throw statusError.unsupportedMediaType(OTHER_TYPES);
  const layout: NewLayout = new Map();
  for (const entry of numbers.split(' ')) {
    const [name = '', path = ''] = entry.split('=');
    const field = fieldsOf(type)?.get(name);
    if (field !== undefined) place(layout, path.split('.').map(Number), { name, field });
  }
  layouts.set(type, layout);
  return layout;
}

const OTHER_TYPES = ['application/json', 'application/yaml'];

function place(layout: NewLayout, [number = 0, ...inner]: readonly number[], field: Place): void {
  if (inner.length === 0) {
    layout.set(number, field);
    return;
  }
  const found = layout.get(number);
  const embedded: NewLayout = found instanceof Map ? found : new Map();
  place(embedded, inner, field);
  layout.set(number, embedded);
}

function decodeMessage(type: string, bytes: Buffer): JsonObject {
  const object: JsonObject = {};
  addFields(object, layoutOf(type), bytes);
  return object;
}

function addFields(object: JsonObject, layout: Layout, bytes: Buffer): void {
  for (const { number, value } of readFields(bytes)) {
    const found = layout.get(number);
    if (found === undefined) continue;
    if ('field' in found) addField(object, found, value);
    else if (Buffer.isBuffer(value)) addFields(object, found, value);
  }
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
