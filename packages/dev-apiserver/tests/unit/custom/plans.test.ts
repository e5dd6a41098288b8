import { describe, expect, it } from 'vitest';

import type { JsonSchema } from '../../../src/model/json-schema.js';
import { schemaErrors } from '../../../src/plan/custom/check-schema.js';
import { parseJsonPath, valuesAt } from '../../../src/plan/custom/json-path.js';
import { pruned, setDefaults } from '../../../src/plan/custom/prune.js';
import { validateObject } from '../../../src/plan/custom/validate-value.js';

/** `field: message` of every error. */
function texts(errors: ReturnType<typeof validateObject>): readonly string[] {
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

const text = { type: 'string' };

describe(validateObject, () => {
  const cases: readonly (readonly [string, JsonSchema, unknown, readonly string[]])[] = [
    ['any text', text, 'x', []],
    [
      'another type',
      { type: 'integer' },
      'x',
      ['f: Invalid value: "string": f in body must be of type integer: "string"'],
    ],
    ['null', text, null, ['f: Invalid value: "null": f in body must be of type string: "null"']],
    ['null where it may be', { ...text, nullable: true }, null, []],
    ['a whole number as number', { type: 'number' }, 1, []],
    [
      'a short text',
      { ...text, minLength: 2 },
      'x',
      ['f: Invalid value: "x": f in body should be at least 2 chars long'],
    ],
    ['a long text', { ...text, maxLength: 1 }, 'xy', ['f: Too long: may not be more than 1 byte']],
    [
      'a pattern',
      { ...text, pattern: '^a+$' },
      'b',
      ['f: Invalid value: "b": f in body should match \'^a+$\''],
    ],
    [
      'a format',
      { ...text, format: 'date-time' },
      'now',
      ['f: Invalid value: "now": f in body must be of type date-time: "now"'],
    ],
    ['a format that is not checked', { ...text, format: 'colour' }, 'x', []],
    [
      'a number that is too large',
      { type: 'integer', maximum: 2 },
      3,
      ['f: Invalid value: 3: f in body should be less than or equal to 2'],
    ],
    [
      'a number at an exclusive limit',
      { type: 'number', minimum: 2, exclusiveMinimum: true },
      2,
      ['f: Invalid value: 2: f in body should be greater than 2'],
    ],
    [
      'too few items',
      { type: 'array', items: text, minItems: 1 },
      [],
      ['f: Invalid value: 0: f in body should have at least 1 items'],
    ],
    [
      'too many items',
      { type: 'array', items: text, maxItems: 1 },
      ['a', 'b'],
      ['f: Too many: 2: must have at most 1 item'],
    ],
    [
      'an item',
      { type: 'array', items: text },
      ['a', 1],
      ['f[1]: Invalid value: "integer": f[1] in body must be of type string: "integer"'],
    ],
    [
      'a set with a repeated item',
      { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
      ['a', 'a'],
      ['f[1]: Duplicate value: "a"'],
    ],
    [
      'a map with a repeated key',
      {
        type: 'array',
        items: { type: 'object', properties: { name: text } },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      },
      [{ name: 'a' }, { name: 'a' }],
      ['f[1]: Duplicate value: {"name":"a"}'],
    ],
    [
      'a missing field',
      { type: 'object', required: ['a'], properties: { a: text } },
      {},
      ['f.a: Required value'],
    ],
    [
      'a value of a map',
      { type: 'object', additionalProperties: text },
      { a: 1 },
      ['f.a: Invalid value: "integer": f.a in body must be of type string: "integer"'],
    ],
    ['a number or text', { 'x-kubernetes-int-or-string': true }, '50%', []],
    [
      'neither number nor text',
      { 'x-kubernetes-int-or-string': true },
      true,
      ['f: Invalid value: "boolean": f in body must be of type integer,string: "boolean"'],
    ],
    [
      'none of two',
      {
        type: 'object',
        oneOf: [{ required: ['a'] }, { required: ['b'] }],
        properties: { a: text, b: text },
      },
      {},
      [
        '<nil>: Invalid value: "": "f" must validate one and only one schema (oneOf). Found none valid',
        'f.a: Required value',
      ],
    ],
    [
      'both of two',
      {
        type: 'object',
        oneOf: [{ required: ['a'] }, { required: ['b'] }],
        properties: { a: text, b: text },
      },
      { a: '1', b: '2' },
      [
        '<nil>: Invalid value: "": "f" must validate one and only one schema (oneOf). Found 2 valid alternatives',
      ],
    ],
    [
      'what must not be',
      { type: 'object', not: { required: ['a'] }, properties: { a: text } },
      { a: '1' },
      ['<nil>: Invalid value: "": "f" must not validate the schema (not)'],
    ],
  ];

  it.each(cases)('%s', (_name, schema, value, want) => {
    const root: JsonSchema = { type: 'object', properties: { f: schema } };
    expect(texts(validateObject(root, { f: value }))).toEqual(want);
  });
});

describe(schemaErrors, () => {
  const root = (schema: JsonSchema): JsonSchema => ({ type: 'object', properties: { f: schema } });
  const cases: readonly (readonly [string, JsonSchema, readonly string[]])[] = [
    ['a structural schema', root(text), []],
    ['no type at the root', {}, ['s.type: Required value: must not be empty at the root']],
    [
      'a field without a type',
      root({}),
      ['s.properties[f].type: Required value: must not be empty for specified object fields'],
    ],
    [
      'a list without items',
      root({ type: 'array' }),
      ['s.properties[f].items: Required value: must be specified'],
    ],
    [
      'an alternative with a type',
      root({ ...text, anyOf: [{ type: 'string' }] }),
      ['s.properties[f].anyOf[0].type: Forbidden: must be empty to be structural'],
    ],
    [
      'properties beside additionalProperties',
      root({ type: 'object', properties: { a: text }, additionalProperties: text }),
      [
        's.properties[f].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive',
      ],
    ],
    [
      'a keyed list without keys',
      root({ type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map' }),
      [
        's.properties[f].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map',
      ],
    ],
  ];

  it.each(cases)('%s', (_name, schema, want) => {
    expect(texts(schemaErrors(schema, 's'))).toEqual(want);
  });
});

describe(setDefaults, () => {
  it('fills absent fields inside lists and maps, and never an absent object', () => {
    const leaf: JsonSchema = {
      type: 'object',
      properties: {
        n: { type: 'integer', default: 5 },
        z: { ...text, nullable: true, default: 'z' },
      },
    };
    const schema: JsonSchema = {
      type: 'object',
      properties: {
        list: { type: 'array', items: leaf },
        map: { type: 'object', additionalProperties: leaf },
        absent: leaf,
        null: { ...text, default: 'd' },
      },
    };
    const value = { list: [{ z: null }], map: { a: { n: 1 } }, null: null };
    setDefaults(schema, value);
    expect(value).toEqual({
      list: [{ n: 5, z: null }],
      map: { a: { n: 1, z: 'z' } },
      null: 'd',
    });
  });
});

describe(pruned, () => {
  it('keeps known fields inside free ones, and the metadata of embedded resources', () => {
    const schema: JsonSchema = {
      type: 'object',
      properties: {
        template: {
          type: 'object',
          'x-kubernetes-embedded-resource': true,
          properties: { spec: { type: 'object' } },
        },
      },
    };
    const unknown: string[] = [];
    const object = {
      kind: 'A',
      metadata: { name: 'a' },
      template: { kind: 'B', metadata: {}, spec: { x: 1 }, more: 1 },
      other: 1,
    };
    expect(pruned(schema, object, unknown)).toEqual({
      kind: 'A',
      metadata: { name: 'a' },
      template: { kind: 'B', metadata: {}, spec: {} },
    });
    expect(unknown).toEqual(['template.spec.x', 'template.more', 'other']);
  });
});

describe(parseJsonPath, () => {
  const object = {
    spec: { 'a.b': 1, list: [{ n: 1 }, { n: 2 }] },
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Other', status: 'False' },
      ],
    },
  };

  it.each<[string, unknown]>([
    ['.spec.list[0].n', [1]],
    ['.spec.list[-1].n', [2]],
    ['.spec.list[*].n', [1, 2]],
    ['.spec.a\\.b', [1]],
    [".spec['a.b']", [1]],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    ['.status.conditions[?(@.type!="Ready")].status', ['False']],
    ['.spec.none.deeper', []],
  ])('%s', (path, want) => {
    expect(valuesAt(parseJsonPath(path) ?? [], object)).toEqual(want);
  });

  it('does not read what is no path', () => {
    expect(parseJsonPath('spec size')).toBeUndefined();
  });
});
