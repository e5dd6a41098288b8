import { describe, expect, it } from 'vitest';

import type { JsonSchema, ValidationRule } from '../../../src/model/json-schema.js';
import { schemaErrors } from '../../../src/plan/custom/check-schema.js';
import { normalizedPath } from '../../../src/plan/custom/rules/field-path.js';
import { problemsOf } from './evaluated.js';

const whole: JsonSchema = { type: 'integer' };

function specWith(rules: readonly ValidationRule[], more: JsonSchema = {}): JsonSchema {
  const properties = { min: whole, max: whole, name: { type: 'string' } };
  const spec = { type: 'object', properties, 'x-kubernetes-validations': rules, ...more };
  return { type: 'object', properties: { spec } };
}

const LESS: ValidationRule = { rule: 'self.min <= self.max' };
const BAD = { spec: { min: 3, max: 1, name: 'n' } };

describe('a rule that is broken', () => {
  it.each<readonly [string, ValidationRule, string]>([
    ['is named', LESS, 'spec: Invalid value: failed rule: self.min <= self.max'],
    ['has a message', { ...LESS, message: ' too large ' }, 'spec: Invalid value: too large'],
    [
      'has a message of its own making',
      { ...LESS, message: 'x', messageExpression: '"%d > %d".format([self.min, self.max])' },
      'spec: Invalid value: 3 > 1',
    ],
    [
      'has its message when the other one cannot be made',
      { ...LESS, message: 'x', messageExpression: 'string(self.min / 0)' },
      'spec: Invalid value: x',
    ],
    [
      'has its message when the other one is empty',
      { ...LESS, message: 'x', messageExpression: '" "' },
      'spec: Invalid value: x',
    ],
    [
      'has a reason and a place',
      { ...LESS, message: 'x', reason: 'FieldValueForbidden', fieldPath: '.max' },
      'spec.max: Forbidden: x',
    ],
    [
      'is required',
      { ...LESS, message: 'x', reason: 'FieldValueRequired' },
      'spec: Required value: x',
    ],
    ['is a duplicate', { ...LESS, reason: 'FieldValueDuplicate' }, 'spec: Duplicate value'],
  ])('%s', (_what, rule, problem) => {
    expect(problemsOf(specWith([rule]), BAD)).toEqual([problem]);
  });

  it('shows a value that is neither object nor list', () => {
    const name = { type: 'string', 'x-kubernetes-validations': [{ rule: 'self != "n"' }] };
    const schema = { type: 'object', properties: { name } };
    expect(problemsOf(schema, { name: 'n' })).toEqual([
      'name: Invalid value: "n": failed rule: self != "n"',
    ]);
  });
});

it('rules are evaluated where they stand: in items, values and fields', () => {
  const positive: JsonSchema = { ...whole, 'x-kubernetes-validations': [{ rule: 'self > 0' }] };
  const schema: JsonSchema = {
    type: 'object',
    properties: {
      list: { type: 'array', items: positive },
      map: { type: 'object', additionalProperties: positive },
    },
    allOf: [{ 'x-kubernetes-validations': [{ rule: 'has(self.list)', message: 'no list' }] }],
  };
  expect(problemsOf(schema, { list: [1, 0], map: { a: -1, b: 1 } })).toEqual([
    'list[1]: Invalid value: 0: failed rule: self > 0',
    'map[a]: Invalid value: -1: failed rule: self > 0',
  ]);
  expect(problemsOf(schema, {})).toEqual(['<nil>: Invalid value: no list']);
});

describe('a rule about changes', () => {
  const FIXED: ValidationRule = { rule: 'self.min == oldSelf.min', message: 'fixed' };

  it('is not asked about new objects, nor about new parts', () => {
    expect(problemsOf(specWith([FIXED]), BAD)).toEqual([]);
    expect(problemsOf(specWith([FIXED]), BAD, {})).toEqual([]);
    expect(problemsOf(specWith([FIXED]), BAD, { spec: { min: 1 } })).toEqual([
      'spec: Invalid value: fixed',
    ]);
  });

  it('with an optional old value is asked about new objects too', () => {
    const rule = 'oldSelf.hasValue() ? self.min >= oldSelf.value().min : self.min == 1';
    const schema = specWith([{ rule, optionalOldSelf: true, message: 'm' }]);
    expect(problemsOf(schema, BAD)).toEqual(['spec: Invalid value: m']);
    expect(problemsOf(schema, BAD, { spec: { min: 2 } })).toEqual([]);
    expect(problemsOf(schema, BAD, { spec: { min: 4 } })).toEqual(['spec: Invalid value: m']);
  });

  const item: JsonSchema = {
    type: 'object',
    properties: { key: { type: 'string' }, value: whole },
    'x-kubernetes-validations': [{ rule: 'self.value >= oldSelf.value', message: 'shrunk' }],
  };

  it('finds the old items of keyed lists', () => {
    const keyed = {
      'x-kubernetes-list-type': 'map' as const,
      'x-kubernetes-list-map-keys': ['key'],
    };
    const list: JsonSchema = { type: 'array', items: item, ...keyed };
    const schema: JsonSchema = { type: 'object', properties: { list } };
    const old = {
      list: [
        { key: 'a', value: 1 },
        { key: 'b', value: 2 },
      ],
    };
    const now = {
      list: [
        { key: 'b', value: 1 },
        { key: 'c', value: 0 },
        { key: 'a', value: 1 },
      ],
    };
    expect(problemsOf(schema, now, old)).toEqual(['list[0]: Invalid value: shrunk']);
  });

  it('is refused in lists without keys', () => {
    const list: JsonSchema = { type: 'array', items: item };
    expect(problemsOf({ type: 'object', properties: { list } }, {})).toEqual([
      'schema.properties[list].items.x-kubernetes-validations[0].rule: Invalid value: "self.value >= oldSelf.value": oldSelf cannot be used on the uncorrelatable portion of the schema within schema.properties[list]',
    ]);
  });

  it('may be optional only when it uses the old value', () => {
    expect(problemsOf(specWith([{ ...LESS, optionalOldSelf: true }]), {})).toEqual([
      'schema.properties[spec].x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule',
    ]);
  });
});

it('a message must be a text', () => {
  expect(problemsOf(specWith([{ ...LESS, messageExpression: 'self.min' }]), {})).toEqual([
    'schema.properties[spec].x-kubernetes-validations[0].messageExpression: Invalid value: {rule}: messageExpression must evaluate to a string',
  ]);
  const [problem] = problemsOf(specWith([{ ...LESS, messageExpression: 'self.nope' }]), {});
  expect(problem).toContain('messageExpression compilation failed: ERROR: <input>:1:5');
});

it.each<readonly [string, ValidationRule, string]>([
  ['no expression', { rule: ' ' }, 'rule: Required value: rule is not specified'],
  [
    'a blank message',
    { ...LESS, message: ' ' },
    'message: Invalid value: " ": must be non-empty if specified',
  ],
  [
    'two lines of message',
    { ...LESS, message: 'a\nb' },
    'message: Invalid value: "a\\nb": must not contain line breaks',
  ],
  [
    'two lines and no message',
    { rule: 'true\n&& true' },
    'message: Required value: message must be specified if rule contains line breaks',
  ],
  [
    'a blank expression of a message',
    { ...LESS, messageExpression: ' ' },
    'messageExpression: Required value: messageExpression must be non-empty if specified',
  ],
  [
    'an unknown reason',
    { ...LESS, reason: 'Other' },
    'reason: Unsupported value: "Other": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"',
  ],
  [
    'a path to nothing',
    { ...LESS, fieldPath: '.nope' },
    'fieldPath: Invalid value: ".nope": must be a valid path',
  ],
])('a schema whose rule has %s is refused', (_what, rule, problem) => {
  const errors = schemaErrors(specWith([rule]), 's').map(
    ({ field, message }) => `${field}: ${message}`,
  );
  expect(errors).toEqual([`s.properties[spec].x-kubernetes-validations[0].${problem}`]);
});

it('a schema with rules in an alternative other than allOf is refused', () => {
  const rules = { 'x-kubernetes-validations': [LESS] };
  const errors = schemaErrors({ type: 'object', anyOf: [rules], allOf: [rules] }, 's');
  expect(errors.map(({ field }) => field)).toEqual(['s.anyOf[0].x-kubernetes-validations']);
});

describe(normalizedPath, () => {
  const schema: JsonSchema = {
    type: 'object',
    properties: {
      a: { type: 'object', properties: { 'b.c': whole } },
      map: { type: 'object', additionalProperties: whole },
      list: { type: 'array', items: whole },
    },
  };
  it.each([
    ['.a', 'a'],
    [".a['b.c']", 'a.b.c'],
    ['.map.key', 'map[key]'],
    [".map['it\\'s']", "map[it's]"],
    ['.list[0]', undefined],
    ['a', undefined],
    ['.x', undefined],
    ['.', undefined],
    [".map['\\q']", undefined],
  ])('%s is %s', (path, shown) => {
    expect(normalizedPath(schema, path)).toBe(shown);
  });
});
