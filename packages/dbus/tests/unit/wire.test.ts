import { describe, expect, it } from 'vitest';

import { FrameSplitter } from '../../src/codec/frames.js';
import { WireReader } from '../../src/codec/reader.js';
import { parseSignature } from '../../src/codec/signature.js';
import { WireWriter } from '../../src/codec/writer.js';
import {
  type DbusMessage,
  type DbusValue,
  decodeMessage,
  encodeMessage,
  socketPaths,
} from '../../src/index.js';

const LIMIT = 2 ** 20;

function written(signature: string, values: readonly DbusValue[]): Buffer {
  const writer = new WireWriter();
  writer.values(signature, values);
  return writer.done();
}

function read(hex: string, signature: string, isLittle = true): readonly DbusValue[] {
  return new WireReader(Buffer.from(hex.replaceAll(' ', ''), 'hex'), isLittle).values(signature);
}

const CALL: DbusMessage = {
  ...{ type: 'call', serial: 7, path: '/org/freedesktop/systemd1', member: 'StartTransientUnit' },
  interface: 'org.freedesktop.systemd1.Manager',
  destination: 'org.freedesktop.systemd1',
  signature: 'ssa(sv)a(sa(sv))',
  body: [
    'kubepods.slice',
    'replace',
    [
      ['Wants', { signature: 'as', value: ['-.slice'] }],
      ['MemoryMax', { signature: 't', value: 2n ** 64n - 1n }],
      ['AllowedCPUs', { signature: 'ay', value: Uint8Array.of(3) }],
    ],
    [],
  ],
};

describe('values on the wire', () => {
  // The bytes follow the specification's chapter "Marshaling".
  it.each<[string, string, readonly DbusValue[], string]>([
    ['a byte', 'y', [7], '07'],
    ['a number after padding', 'yu', [1, 258], '01000000 02010000'],
    ['negative numbers', 'ni', [-2, -3], 'feff0000 fdffffff'],
    ['wide numbers', 'xt', [-1n, 2n ** 63n], 'ffffffffffffffff 0000000000000080'],
    ['a double', 'd', [1.5], '000000000000f83f'],
    ['a boolean', 'b', [true], '01000000'],
    ['text', 's', ['foo'], '03000000 666f6f00'],
    ['a path', 'o', ['/a'], '02000000 2f6100'],
    ['a signature', 'g', ['a{sv}'], '05 617b73767d 00'],
    ['a variant', 'v', [{ signature: 'u', value: 5 }], '01 7500 00 05000000'],
    ['a list of 64-bit numbers, padded first', 'at', [[1n]], '08000000 00000000 0100000000000000'],
    ['an empty list, padded as well', 'at', [[]], '00000000 00000000'],
    ['bytes', 'ay', [Uint8Array.of(1, 2)], '02000000 0102'],
    ['a struct', '(yq)', [[1, 2]], '01000200'],
    [
      'a dictionary',
      'a{sv}',
      [[['k', { signature: 'b', value: false }]]],
      '10000000 00000000 01000000 6b00 01 6200 000000 00000000',
    ],
  ])('%s', (_, signature, values, hex) => {
    expect(written(signature, values).toString('hex')).toBe(hex.replaceAll(' ', ''));
    expect(read(hex, signature)).toEqual(values);
  });

  it('are read in the other order of bytes, too', () => {
    expect(read('00000102 0003', 'uq', false)).toEqual([258, 3]);
  });

  it.each([
    ['y', ''],
    ['yu', '01000001 00000000'], // padding that is not zero
    ['b', '02000000'],
    ['s', '03000000 666f6f'],
    ['s', '03000000 666f6f01'],
    ['s', '01000000 0000'],
    ['s', '01000000 ff00'],
    ['s', 'ffffffff 00'],
    ['o', '01000000 6100'],
    ['g', '01 7a00'],
    ['v', '00 00'],
    ['v', '02 757500 00000000'],
    ['at', '04000000 00000000 00000000'],
    ['au', 'ffffffff'],
    ['a(', ''],
    ['()', ''],
    ['a{vs}', ''],
  ])('of type %s are refused as %s', (signature, hex) => {
    expect(() => read(hex, signature)).toThrow(
      expect.objectContaining({ name: 'DbusError', code: 'DBUS_MALFORMED' }),
    );
  });

  it('are refused when they are nested too deep', () => {
    const deep = '017600'.repeat(70);
    expect(() => read(deep, 'v')).toThrow('nested too deep');
    expect(parseSignature(`${'a'.repeat(32)}y`)).toHaveLength(1);
    expect(parseSignature(`${'a'.repeat(33)}y`)).toBeUndefined();
    expect(parseSignature(`${'('.repeat(33)}y${')'.repeat(33)}`)).toBeUndefined();
  });

  it.each<[string, readonly DbusValue[]]>([
    ['y', [256]],
    ['y', [1.5]],
    ['t', [-1n]],
    ['t', [1]],
    ['u', [1n]],
    ['s', [1]],
    ['s', ['a\0b']],
    ['o', ['a/b']],
    ['b', [1]],
    ['v', ['x']],
    ['as', ['x']],
    ['(ss)', [['x']]],
    ['ss', ['x']],
    ['z', ['x']],
  ])('that are not of type %s cannot be sent: %s', (signature, values) => {
    expect(() => written(signature, values)).toThrow(
      expect.objectContaining({ code: 'DBUS_VALUE' }),
    );
  });
});

describe('messages', () => {
  it('come back as they were sent', () => {
    expect(decodeMessage(encodeMessage(CALL))).toEqual({ ...CALL, noReply: false });
  });

  it('have the bytes that every other implementation sends', () => {
    const hello = encodeMessage({
      ...{ type: 'call', serial: 1, path: '/org/freedesktop/DBus', member: 'Hello' },
      ...{ interface: 'org.freedesktop.DBus', destination: 'org.freedesktop.DBus' },
      ...{ signature: '', body: [] },
    });
    expect(hello.subarray(0, 16).toString('hex')).toBe('6c01000100000000010000006d000000');
    expect(hello.length).toBe(128);
  });

  it('are cut from a stream in pieces of any size', () => {
    const bytes = encodeMessage(CALL);
    const both = Buffer.concat([bytes, bytes]);
    for (const size of [1, 7, 16, bytes.length, both.length]) {
      const splitter = new FrameSplitter(LIMIT);
      const found: Buffer[] = [];
      for (let at = 0; at < both.length; at += size) {
        found.push(...splitter.push(both.subarray(at, at + size)));
      }
      expect(found.map((frame) => frame.equals(bytes))).toEqual([true, true]);
    }
  });

  it('of a later version of the protocol are skipped where it allows that', () => {
    const bytes = encodeMessage(CALL);
    bytes[1] = 9;
    expect(decodeMessage(bytes)).toBeUndefined();
  });

  it.each([
    ['the order of bytes', 0, 0x58],
    ['type 0', 1, 0],
    ['another version', 3, 2],
    ['serial 0', 8, 0],
    ['a body of another length', 4, 1],
  ])('with %s are refused', (_, at, value) => {
    const bytes = encodeMessage(CALL);
    bytes[at] = value;
    expect(() => decodeMessage(bytes)).toThrow(expect.objectContaining({ code: 'DBUS_MALFORMED' }));
  });

  it('above the limit are refused before they are held', () => {
    const bytes = encodeMessage(CALL);
    bytes.writeUInt32LE(0xffff_fff0, 4);
    expect(() => new FrameSplitter(LIMIT).push(bytes.subarray(0, 16))).toThrow(
      expect.objectContaining({ code: 'DBUS_TOO_LARGE' }),
    );
  });

  it.each([
    ['path', { path: 'nowhere' }],
    ['member', { member: 'a.b' }],
    ['interface', { interface: 'one' }],
    ['destination', { destination: '1.2' }],
    ['path', { path: undefined }],
  ])('need a good %s: %o', (_, change) => {
    expect(() => encodeMessage({ ...CALL, ...change })).toThrow(
      expect.objectContaining({ code: 'DBUS_VALUE' }),
    );
  });
});

it.each([
  ['unix:path=/run/dbus/system_bus_socket', ['/run/dbus/system_bus_socket']],
  ['tcp:host=a;unix:path=/a%20b,guid=1;unix:abstract=x', ['/a b', '\0x']],
  ['unix:runtime=yes;unix:path=%zz', []],
])('the address %s names sockets', (text, paths) => {
  expect(socketPaths(text)).toEqual(paths);
});
