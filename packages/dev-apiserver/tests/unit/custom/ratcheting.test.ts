import { describe, expect, it } from 'vitest';

import type { JsonSchema } from '../../../src/model/json-schema.js';
import type { JsonObject } from '../../../src/model/object.js';
import { validateObject } from '../../../src/plan/custom/validate-value.js';

const SHORT: JsonSchema = { type: 'string', maxLength: 2 };
const SCHEMA: JsonSchema = {
  type: 'object',
  required: ['n'],
  properties: {
    n: { type: 'integer', maximum: 5 },
    text: SHORT,
    list: { type: 'array', items: SHORT },
    keyed: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
      items: { type: 'object', required: ['k'], properties: { k: { type: 'string' }, v: SHORT } },
    },
    map: { type: 'object', additionalProperties: SHORT },
    set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    inner: { type: 'object', required: ['a'], properties: { a: SHORT, b: SHORT } },
  },
};

describe('an update of an object that its schema no longer allows', () => {
  it.each<readonly [string, JsonObject, JsonObject, readonly string[]]>([
    ['may leave everything as it is', { text: 'long' }, { text: 'long' }, []],
    ['may change another field', { n: 1, text: 'long' }, { n: 2, text: 'long' }, []],
    ['may not break another field', { n: 1, text: 'long' }, { n: 6, text: 'long' }, ['n']],
    ['may not break a broken field anew', { n: 9 }, { n: 8 }, ['n']],
    ['may not keep lacking a field in what it changes', { text: 'a' }, { text: 'b' }, ['n']],
    [
      'finds items by their keys',
      { n: 1, keyed: [{ k: 'a', v: 'long' }] },
      { n: 1, keyed: [{ k: 'b' }, { k: 'a', v: 'long' }] },
      [],
    ],
    [
      'finds no items of other lists',
      { n: 1, list: ['long'] },
      { n: 1, list: ['a', 'long'] },
      ['list[1]'],
    ],
    [
      'finds values by their names',
      { n: 1, map: { a: 'long' } },
      { n: 1, map: { a: 'long', b: 'b' } },
      [],
    ],
    ['may keep items twice', { n: 1, set: ['a', 'a'] }, { n: 2, set: ['a', 'a'] }, []],
    [
      'looks into changed objects',
      { n: 1, inner: { b: 'long' } },
      { n: 1, inner: { a: 'long', b: 'long' } },
      ['inner.a'],
    ],
  ])('%s', (_name, old, now, want) => {
    expect(validateObject(SCHEMA, now, old).map(({ field }) => field)).toEqual(want);
  });
});
