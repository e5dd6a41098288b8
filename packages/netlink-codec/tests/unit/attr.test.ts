import { describe, expect, it } from 'vitest';

import {
  arrayOf,
  bytes,
  cString,
  decodeAddress,
  decodeAttrs,
  encodeAddress,
  encodeAttrs,
  flag,
  i32,
  i32be,
  inetAddress,
  isNetlinkError,
  listOf,
  nested,
  splitAttrs,
  u8,
  u16,
  u16be,
  u32,
  u32be,
  u64,
  u64be,
} from '../../src/index.js';

const INNER = { port: u16be(2), weight: u32(4) } as const;
const TABLE = {
  small: u8(1),
  host: u16(2),
  port: u16be(3),
  count: u32(4),
  order: u32be(5),
  signed: i32(6),
  priority: i32be(7),
  bytesSeen: u64(8),
  timeout: u64be(9),
  name: cString(10, 16),
  raw: bytes(11),
  address: inetAddress(12),
  present: flag(13),
  inner: nested(14, INNER),
  list: listOf(15, u32be(1)),
  array: arrayOf(16, INNER),
} as const;

const FULL = {
  small: 255,
  host: 0x1234,
  port: 8080,
  count: 0xffffffff,
  order: 7,
  signed: -1,
  priority: -100,
  bytesSeen: 2n ** 63n,
  timeout: 10_800_000n,
  name: 'kube-ipvs0',
  raw: Buffer.from([1, 2, 3]),
  address: 'fd00::1',
  present: true,
  inner: { port: 53, weight: 0 },
  list: [1, 2, 3],
  array: [{ port: 1 }, { weight: 2 }],
} as const;

describe('attribute tables', () => {
  it('read back what they wrote', () => {
    expect(decodeAttrs(TABLE, encodeAttrs(TABLE, FULL))).toEqual(FULL);
  });

  it('leave out absent values', () => {
    expect(encodeAttrs(TABLE, {})).toHaveLength(0);
    expect(decodeAttrs(TABLE, encodeAttrs(TABLE, { port: 80 }))).toEqual({ port: 80 });
  });

  it('write network order, padding and flags as the kernel expects them', () => {
    const ports = { port: u16be(2), inner: nested(3, { weight: u32be(1) }) } as const;
    const written = encodeAttrs(ports, { port: 0x1f90, inner: { weight: 5 } });
    expect(written.toString('hex')).toBe('060002001f9000000c000380' + '0800010000000005');
  });

  it('skip unknown attributes', () => {
    const newer = { ...INNER, extra: cString(99) } as const;
    const written = encodeAttrs(newer, { port: 80, extra: 'new in 7.0', weight: 1 });
    expect(decodeAttrs(INNER, written)).toEqual({ port: 80, weight: 1 });
  });

  it.each([
    { what: 'a port above 65535', values: { port: 65536 } },
    { what: 'a fraction', values: { count: 1.5 } },
    { what: 'a negative unsigned number', values: { small: -1 } },
    { what: 'a number past 64 bits', values: { bytesSeen: 2n ** 64n } },
    { what: 'a number past 32 signed bits', values: { signed: 2 ** 31 } },
    { what: 'a name that is too long', values: { name: 'sixteen-bytes-xx' } },
    { what: 'a NUL inside a name', values: { name: 'a\0b' } },
    { what: 'an invalid address', values: { address: '10.0.0' } },
    { what: 'a nest past 65535 bytes', values: { raw: Buffer.alloc(65_536) } },
  ])('refuse $what', ({ values }) => {
    expect(() => encodeAttrs(TABLE, values)).toThrow(
      expect.toSatisfy((error) => isNetlinkError(error, 'NETLINK_VALUE')),
    );
  });

  it.each([
    { what: 'a length below the header', hex: '03000100' },
    { what: 'a length past the end', hex: '0900010000000000' },
    { what: 'stray bytes', hex: '0800040000000001' + '00' },
    { what: 'a truncated number', hex: '06000400ffff0000' },
    { what: 'an address of five bytes', hex: '09000c000102030405000000' },
  ])('report $what as malformed', ({ hex }) => {
    expect(() => decodeAttrs(TABLE, Buffer.from(hex, 'hex'))).toThrow(
      expect.toSatisfy((error) => isNetlinkError(error, 'NETLINK_MALFORMED')),
    );
  });

  it('split attributes without decoding them', () => {
    const ids = [...splitAttrs(encodeAttrs(TABLE, { inner: { port: 1 }, small: 1 }))];
    expect(ids.map(({ id, payload }) => [id, payload.length])).toEqual([
      [1, 1],
      [14, 8],
    ]);
  });
});

describe('addresses', () => {
  it.each([
    ['10.96.0.1', '0a600001'],
    ['::', '00'.repeat(16)],
    ['::1', `${'00'.repeat(15)}01`],
    ['fd00:10:96::a', 'fd000010009600000000000000' + '00000a'],
    ['1::', `0001${'00'.repeat(14)}`],
    ['1:0:0:2:0:0:0:3', '0001000000000002000000000000' + '0003'],
    ['::ffff:10.0.0.1', '00000000000000000000ffff0a000001'],
  ])('%s is %s', (text, hex) => {
    expect(encodeAddress(text)?.toString('hex')).toBe(hex);
    const back = decodeAddress(Buffer.from(hex, 'hex')) ?? '';
    expect(encodeAddress(back)?.toString('hex')).toBe(hex);
  });

  it('shortens only the longest run of zeros', () => {
    const encoded = encodeAddress('1:0:0:2:0:0:0:3') ?? Buffer.alloc(0);
    expect(decodeAddress(encoded)).toBe('1:0:0:2::3');
  });

  it.each(['', '1.2.3', '1.2.3.256', 'fe80::1%eth0', 'g::', 'localhost'])(
    '%j is not an address',
    (text) => {
      expect(encodeAddress(text)).toBeUndefined();
    },
  );
});
