import { Buffer } from 'node:buffer';

import { DbusError } from '../model/errors.js';
import type { DbusMessage, DbusMessageType, DbusValue, DbusVariant } from '../model/message.js';
import { isBusName, isInterfaceName, isMemberName, isObjectPath } from './names.js';
import { WireReader } from './reader.js';
import { WireWriter } from './writer.js';

/** Enough of a message to know its length. */
export const HEAD_BYTES = 16;

const LITTLE = 'l'.charCodeAt(0);
const BIG = 'B'.charCodeAt(0);
const PROTOCOL_VERSION = 1;
const NO_REPLY_EXPECTED = 1;
const MAX_FIELD_BYTES = 2 ** 26;

const TYPES: readonly (DbusMessageType | undefined)[] = [
  ...([undefined, 'call', 'return', 'error', 'signal'] as const),
];

/** Header fields by their number: their names here and their types. */
const FIELDS = [
  ...([undefined, ['path', 'o'], ['interface', 's'], ['member', 's'], ['errorName', 's']] as const),
  ...([
    ['replySerial', 'u'],
    ['destination', 's'],
    ['sender', 's'],
    ['signature', 'g'],
  ] as const),
] as const;

/** Rules for names, which the sender of a message may break. */
const CHECKS: Readonly<Record<string, (text: string) => boolean>> = {
  path: isObjectPath,
  interface: isInterfaceName,
  member: isMemberName,
  errorName: isInterfaceName,
  destination: isBusName,
  sender: isBusName,
};

const NEEDED: Readonly<Record<DbusMessageType, readonly (keyof DbusMessage)[]>> = {
  call: ['path', 'member'],
  return: ['replySerial'],
  error: ['replySerial', 'errorName'],
  signal: ['path', 'interface', 'member'],
};

/**
 * The length of the message that starts with these bytes.
 *
 * @param head at least {@link HEAD_BYTES}
 * @throws {DbusError} `DBUS_MALFORMED`; `DBUS_TOO_LARGE` above the limit
 */
export function messageLength(head: Buffer, maxBytes: number): number {
  const isLittle = isLittleEndian(head);
  const at = (offset: number): number =>
    isLittle ? head.readUInt32LE(offset) : head.readUInt32BE(offset);
  const fields = at(12);
  if (fields > MAX_FIELD_BYTES) throw malformed('header fields above 64 MiB');
  const length = HEAD_BYTES + Math.ceil(fields / 8) * 8 + at(4);
  if (length > maxBytes) {
    throw new DbusError('DBUS_TOO_LARGE', `a message of ${length} bytes is above ${maxBytes}`);
  }
  return length;
}

/**
 * @param bytes exactly one message
 * @returns undefined for a type of message that a later version of the protocol may have
 * @throws {DbusError} `DBUS_MALFORMED`
 */
export function decodeMessage(bytes: Buffer): DbusMessage | undefined {
  const isLittle = isLittleEndian(bytes);
  const reader = new WireReader(bytes, isLittle);
  reader.u8();
  const [typeNumber, flags, version] = [reader.u8(), reader.u8(), reader.u8()];
  if (version !== PROTOCOL_VERSION) throw malformed(`version ${version} of the protocol`);
  if (typeNumber === 0) throw malformed('type 0');
  const bodyLength = reader.u32();
  const serial = reader.u32();
  if (serial === 0) throw malformed('serial 0');
  const fields = readFields(reader);
  reader.align(8);
  if (reader.at + bodyLength !== bytes.length) throw malformed('a body of another length');
  const type = TYPES[typeNumber];
  if (type === undefined) return undefined;
  const { signature = '', ...rest } = fields;
  const bodyReader = new WireReader(bytes.subarray(reader.at), isLittle);
  const body = bodyReader.values(signature);
  if (bodyReader.at !== bodyLength) throw malformed('bytes after its last value');
  const message: DbusMessage = {
    ...{ type, serial, ...rest, signature, body },
    noReply: (flags & NO_REPLY_EXPECTED) !== 0,
  };
  const missing = NEEDED[type].find((name) => message[name] === undefined);
  if (missing !== undefined) throw malformed(`no ${missing}`);
  return message;
}

type Fields = Partial<
  Pick<
    DbusMessage,
    | 'path'
    | 'interface'
    | 'member'
    | 'errorName'
    | 'replySerial'
    | 'destination'
    | 'sender'
    | 'signature'
  >
>;

type FieldEntry = readonly [number, DbusVariant];

function readFields(reader: WireReader): Fields {
  const fields: Record<string, DbusValue> = {};
  const list = reader.value(
    {
      code: 'array',
      of: { code: 'struct', fields: [{ code: 'basic', letter: 'y' }, { code: 'variant' }] },
    },
    0,
  );
  for (const [number, variant] of list as readonly FieldEntry[]) {
    const [name, type] = FIELDS[number] ?? [];
    if (name === undefined) continue; // a later version of the protocol may have more
    const { signature, value } = variant;
    if (signature !== type) throw malformed(`a ${name} of type ${signature}`);
    const isGood = typeof value !== 'string' || (CHECKS[name]?.(value) ?? true);
    if (!isGood) throw malformed(`a ${name} that is none`);
    fields[name] = value;
  }
  return fields;
}

/** @throws {DbusError} `DBUS_VALUE`: a name or a value that the protocol does not allow */
export function encodeMessage(message: DbusMessage): Buffer {
  const body = new WireWriter();
  body.values(message.signature, message.body);
  const missing = NEEDED[message.type].find((name) => message[name] === undefined);
  if (missing !== undefined) throw wrong(`a message of type ${message.type} needs its ${missing}`);
  const writer = new WireWriter();
  writer.u8(LITTLE);
  writer.u8(TYPES.indexOf(message.type));
  writer.u8(message.noReply === true ? NO_REPLY_EXPECTED : 0);
  writer.u8(PROTOCOL_VERSION);
  writer.u32(body.length);
  writer.u32(message.serial);
  writer.values('a(yv)', [fieldsOf(message)]);
  writer.align(8);
  return Buffer.concat([writer.done(), body.done()]);
}

function fieldsOf(message: DbusMessage): readonly DbusValue[] {
  return FIELDS.flatMap((field, number) => {
    if (field === undefined) return [];
    const [name, signature] = field;
    const value = message[name];
    if (value === undefined || value === '') return [];
    const isGood = typeof value !== 'string' || (CHECKS[name]?.(value) ?? true);
    if (!isGood) throw wrong(`"${value}" is no ${name}`);
    return [[number, { signature, value }]];
  });
}

function isLittleEndian(bytes: Buffer): boolean {
  if (bytes[0] !== LITTLE && bytes[0] !== BIG) throw malformed('no order of bytes');
  return bytes[0] === LITTLE;
}

function malformed(what: string): DbusError {
  return new DbusError('DBUS_MALFORMED', `a message has ${what}`);
}

function wrong(message: string): DbusError {
  return new DbusError('DBUS_VALUE', message);
}
