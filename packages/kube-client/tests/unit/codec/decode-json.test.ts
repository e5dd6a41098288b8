import { describe, expect, it } from 'vitest';

import { decodeJson, withoutNulls } from '../../../src/codec/decode-json.js';

function decoded(value: unknown): unknown {
  return decodeJson(JSON.stringify(value));
}

describe(decodeJson, () => {
  it('leaves null members out, at every level', () => {
    const slice = {
      metadata: { name: 'x', creationTimestamp: null },
      endpoints: null,
      ports: [{ name: 'a', port: null }],
    };
    expect(decoded(slice)).toStrictEqual({ metadata: { name: 'x' }, ports: [{ name: 'a' }] });
  });

  it.each([
    ['texts', ['a', null], ['a', '']],
    ['numbers', [null, 7], [0, 7]],
    ['booleans', [true, null], [true, false]],
    ['objects', [null, { a: 1 }], [{}, { a: 1 }]],
    ['lists', [[1], null], [[1], []]],
    ['nothing but nulls', [null, null], []],
    ['nothing', [], []],
  ])('reads a null among %s as their zero value', (_, before, after) => {
    expect(decoded({ of: before })).toStrictEqual({ of: after });
  });

  it.each(['annotations', 'labels', 'data', 'binaryData', 'matchLabels', 'nodeSelector'])(
    'keeps a null entry of %s as an empty text',
    (name) => {
      expect(decoded({ [name]: { a: null, b: 'x' } })).toStrictEqual({ [name]: { a: '', b: 'x' } });
      expect(decoded({ [name]: null })).toStrictEqual({});
    },
  );

  it('keeps raw content unchanged', () => {
    const raw = { managedFields: [{ fieldsV1: { 'f:a': null } }], opaque: { a: [null] } };
    expect(decoded(raw)).toStrictEqual(raw);
  });

  it('treats __proto__ as a name and changes no prototype', () => {
    const texts = ['{"__proto__":{"a":null,"b":1},"c":null}', '{"labels":{"__proto__":null}}'];
    const [outer, inner] = texts.map((text) => decodeJson(text) as Record<string, unknown>);
    expect(Object.getOwnPropertyDescriptor(outer, '__proto__')?.value).toStrictEqual({ b: 1 });
    expect(Object.getPrototypeOf(outer)).toBe(Object.prototype);
    expect(Object.keys(inner?.['labels'] ?? {})).toEqual(['__proto__']);
  });

  it('reads content that is nested deeper than any stack', () => {
    const text = `${'{"a":'.repeat(200_000)}null${'}'.repeat(200_000)}`;
    expect(decodeJson(text)).toHaveProperty('a.a');
  });

  it('returns a null document and bare values unchanged', () => {
    expect([decoded(null), decoded('null'), decoded(3)]).toEqual([null, 'null', 3]);
  });

  it('refuses text that is not JSON', () => {
    expect(() => decodeJson('{"a":null')).toThrow(SyntaxError);
  });
});

describe(withoutNulls, () => {
  it('changes nothing without a null', () => {
    const object = Object.freeze({ a: Object.freeze({ b: Object.freeze([1]) }) });
    expect(withoutNulls(object)).toBe(object);
  });
});
