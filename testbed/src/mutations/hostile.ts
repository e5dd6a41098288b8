/**
 * Depth of the deep values: more than a recursive reader's stack allows, but affordable in memory.
 */
const DEEP = 10_000;

/** Names with a meaning for JavaScript objects or for paths, and nonsense names. */
export const HOSTILE_KEYS: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'length',
  'then',
  '',
  '0',
  '..',
  '\u0000',
];

/** Names that an API server accepts as the name of an object or as a key of a map. */
export const LEGAL_KEYS: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'to-string',
  'valueof',
  'length',
  'then',
  '0',
  '1e9',
];

export const HOSTILE_STRINGS: readonly string[] = [
  '',
  ' ',
  'a',
  '-1',
  '0',
  '1.5',
  '1e400',
  'NaN',
  '9223372036854775808',
  '1'.repeat(5000),
  `1e${'9'.repeat(400)}`,
  'x'.repeat(100_000),
  ' '.repeat(10_000),
  '*a'.repeat(12),
  '\u0000',
  '\ud800',
  'ü€𝄞',
  'a\r\nb',
  'a\nb\n',
  '..',
  '../../etc/passwd',
  '/',
  '//',
  '%2e%2e%2f',
  '%',
  '${HOME}$(HOME)$$',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999Z',
  '2026-02-30T25:61:61Z',
  '+292277026596-12-04T15:30:08Z',
  '2026-11-22T20:55:23+99:99',
  '::ffff:1.2.3.4',
  '::1%eth0',
  '256.1.1.1',
  '010.1.1.1',
  '10.0.0.0/33',
  '100Ei',
  '-5Gi',
  '0.1m',
  '1h1h1h',
  '-9223372036854775808ns',
  'constructor',
  '__proto__',
  'true',
  'null',
  '{}',
  '[',
];

export const HOSTILE_NUMBERS: readonly number[] = [
  0,
  -0,
  -1,
  1,
  0.5,
  -1.5,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 63,
  -(2 ** 63),
  8.64e15,
  8.64e15 + 1,
  1e21,
  1e308,
  -1e308,
  5e-324,
  Number.POSITIVE_INFINITY, // the result of JSON.parse for 1e999
];

/** `10_000` levels as JSON text, because not every reader receives a parsed value. */
export const DEEP_ARRAY_TEXT = '['.repeat(DEEP) + ']'.repeat(DEEP);
export const DEEP_OBJECT_TEXT = '{"a":'.repeat(DEEP) + '1' + '}'.repeat(DEEP);

/** Values of a wrong kind, or absurd ones of the right kind. Shared: never change one. */
export const HOSTILE_VALUES: readonly unknown[] = [
  null,
  true,
  false,
  [],
  {},
  [null],
  [[]],
  [{}],
  { '': null },
  JSON.parse('{"__proto__":{"polluted":true}}'),
  JSON.parse('{"constructor":{"prototype":{"polluted":true}}}'),
  { length: 1e9 },
  { toString: null, valueOf: 1 },
  { then: 1 },
  Array.from({ length: 2000 }, () => null),
  Array.from({ length: 2000 }, (_, i) => `${i}`),
  Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`key-${i}`, `${i}`])),
  deep((inner) => [inner]),
  deep((inner) => ({ a: inner })),
];

function deep(around: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let level = 0; level < DEEP; level++) value = around(value);
  return value;
}
