import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';

import {
  bool,
  choice,
  type Decoded,
  int32,
  int64,
  many,
  map,
  message,
  one,
  oneOf,
  string,
  strings,
  Timestamp,
  wrapped,
} from '../../src/index.js';

const Inner = message({ name: string(1), bytes: int64(2) });
const Empty = message({});
const Outer = message({
  text: string(1),
  on: bool(2),
  small: int32(3),
  large: int64(4),
  mode: choice(5, ['unknown', 'reader', 'writer']),
  inner: one(6, Inner),
  list: many(7, Inner),
  names: strings(8),
  labels: map(9),
  ready: wrapped(10, bool),
  most: wrapped(11, int64),
  access: oneOf<{ block: object; mount: Decoded<typeof Inner> }>({
    block: [12, Empty],
    mount: [13, Inner],
  }),
  at: one(14, Timestamp),
  far: string(3000),
});

/** The same message for the reference implementation. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Inner { string name = 1; int64 bytes = 2; }
  message Empty {}
  message BoolValue { bool value = 1; }
  message Int64Value { int64 value = 1; }
  message Timestamp { int64 seconds = 1; int32 nanos = 2; }
  enum Mode { UNKNOWN = 0; READER = 1; WRITER = 2; }
  message Outer {
    string text = 1; bool on = 2; int32 small = 3; int64 large = 4; Mode mode = 5; Inner inner = 6;
    repeated Inner list = 7; repeated string names = 8; map<string, string> labels = 9;
    BoolValue ready = 10; Int64Value most = 11;
    oneof access { Empty block = 12; Inner mount = 13; }
    Timestamp at = 14; string far = 3000;
  }`);
const Reference = root.lookupType('Outer');

const full = {
  text: 'ünï',
  on: true,
  small: -7,
  large: -(2 ** 40),
  mode: 'writer',
  inner: { name: 'in', bytes: 2 ** 53 },
  list: [
    { name: 'a', bytes: 1 },
    { name: '', bytes: 0 },
  ],
  names: ['x', '', 'z'],
  labels: { k: 'v', '': 'empty key', gone: '' },
  ready: false,
  most: 0,
  access: { kind: 'mount', value: { name: 'm', bytes: 3 } },
  at: { seconds: 1_800_000_000, nanos: 999_999_999 },
  far: 'away',
} as const;

const inReference = {
  text: 'ünï',
  on: true,
  small: -7,
  large: -(2 ** 40),
  mode: 2,
  inner: { name: 'in', bytes: 2 ** 53 },
  list: [{ name: 'a', bytes: 1 }, {}],
  names: ['x', '', 'z'],
  labels: { k: 'v', '': 'empty key', gone: '' },
  ready: {},
  most: {},
  mount: { name: 'm', bytes: 3 },
  at: { seconds: 1_800_000_000, nanos: 999_999_999 },
  far: 'away',
};

const nothing = Outer.decode(new Uint8Array());

describe('a message', () => {
  it('is read by the reference implementation', () => {
    const read = Reference.toObject(Reference.decode(Outer.encode(full)), { longs: Number });
    expect(read).toEqual(inReference);
  });

  it('reads what the reference implementation wrote', () => {
    const bytes = Reference.encode(Reference.fromObject(inReference)).finish();
    expect(Outer.decode(bytes)).toEqual(full);
  });

  it('has a default for every field', () => {
    expect(nothing).toEqual({
      text: '',
      on: false,
      small: 0,
      large: 0,
      mode: 'unknown',
      inner: undefined,
      list: [],
      names: [],
      labels: {},
      ready: undefined,
      most: undefined,
      access: undefined,
      at: undefined,
      far: '',
    });
  });

  it('writes nothing for defaults', () => {
    expect(Outer.encode(nothing)).toHaveLength(0);
    expect(Outer.encode({})).toHaveLength(0);
  });

  it('shares no list or map with another message', () => {
    const [a, b] = [Outer.decode(Outer.encode(full)), Outer.decode(new Uint8Array())];
    expect(a.names).toHaveLength(3);
    expect(b.names).toHaveLength(0);
    expect(b.labels).toEqual({});
  });

  it('skips fields that its table does not have', () => {
    expect(Inner.decode(Outer.encode({ text: 'name', on: true, ...{ names: ['?'] } }))).toEqual({
      name: 'name',
      bytes: 1, // field 2, there a bool
    });
  });

  it('takes the first name for a number that it does not know', () => {
    const bytes = Reference.encode(Reference.fromObject({ mode: 77 })).finish();
    expect(Outer.decode(bytes).mode).toBe('unknown');
  });

  it('takes the last member of a oneof', () => {
    const bytes = Buffer.concat([
      Outer.encode({ access: { kind: 'mount', value: { name: 'm', bytes: 1 } } }),
      Outer.encode({ access: { kind: 'block', value: {} } }),
    ]);
    expect(Outer.decode(bytes).access).toEqual({ kind: 'block', value: {} });
  });

  it('keeps the key __proto__ as a key', () => {
    const labels = JSON.parse('{"__proto__":"polluted"}') as Record<string, string>;
    const read = Outer.decode(Outer.encode({ labels })).labels;
    expect(Object.entries(read)).toEqual([['__proto__', 'polluted']]);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });
});

describe('broken bytes', () => {
  const whole = Outer.encode(full);

  it('are refused wherever they end too early inside a field', () => {
    const lengths = Array.from({ length: whole.length }, (_, length) => length);
    const outcomes = lengths.map((length) => {
      try {
        Outer.decode(whole.subarray(0, length));
        return 'read';
      } catch (error) {
        return error instanceof Error ? 'refused' : 'odd';
      }
    });
    // a cut between two fields is a message of the fields before it
    expect(outcomes.filter((outcome) => outcome === 'read').length).toBeLessThan(20);
    expect(outcomes).not.toContain('odd');
  });

  it.each([
    ['a length beyond the message', [0x32, 0x7f, 0x0a]],
    ['a group that never ends', [0x0b]],
    ['a wire type that does not exist', [0x07]],
    ['a number of eleven bytes', [0x20, ...Array<number>(11).fill(0xff)]],
    ['a map entry beyond the message', [0x4a, 0x20, 0x0a]],
  ])('%s', (_, bytes) => {
    expect(() => Outer.decode(Uint8Array.from(bytes))).toThrow();
  });
});
