import { describe, expect, it } from 'vitest';

import { parseCel } from '../../../src/adapters/parse-cel.js';
import type { FieldError } from '../../../src/model/errors.js';
import type { JsonSchema } from '../../../src/model/json-schema.js';
import { MOST } from '../../../src/plan/cel/cost/size.js';
import { checkExpression } from '../../../src/plan/cel/environment.js';
import { compileRules } from '../../../src/plan/custom/rules/compile-rules.js';
import { partsOf } from '../../../src/plan/custom/rules/rule-costs.js';
import { shapeOf } from '../../../src/plan/custom/rules/shape.js';
import { sizesOf } from '../../../src/plan/custom/rules/sizes.js';

type MakeSchema = (most?: number) => JsonSchema;

const limited = (name: string, most?: number): object =>
  most === undefined ? {} : { [name]: most };
const text = (most?: number): JsonSchema => ({ type: 'string', ...limited('maxLength', most) });
const list = (items: JsonSchema, most?: number): JsonSchema => ({
  ...{ type: 'array', items },
  ...limited('maxItems', most),
});
const map = (values: JsonSchema, most?: number): JsonSchema => ({
  ...{ type: 'object', additionalProperties: values },
  ...limited('maxProperties', most),
});
const object = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  properties,
});

const NUMBER = { type: 'number' };
const BOOLEAN = { type: 'boolean' };
const EITHER = { 'x-kubernetes-int-or-string': true };
const formatted = (format: string): JsonSchema => ({ type: 'string', format });
const PAIR = { ...object({ required: text(), optional: text() }), required: ['required'] };

const listOf =
  (items: JsonSchema): MakeSchema =>
  (most) =>
    list(items, most);
const mapOf =
  (values: JsonSchema): MakeSchema =>
  (most) =>
    map(values, most);

function costOf(schema: JsonSchema, rule: string): number {
  const self = shapeOf(schema, 'selfType', false)?.type;
  const sized = sizesOf(schema, false);
  if (self === undefined || sized === undefined) throw new Error('expressions do not see it');
  const scope = new Map([
    ['self', self],
    ['oldSelf', self],
  ]);
  return checkExpression(rule, parseCel, scope, sized).cost;
}

const BUDGET = 10_000_000;

describe('the estimated cost of a rule', () => {
  // The costs of Kubernetes 1.36 apiextensions-apiserver
  // pkg/apiserver/schema/cel/compilation_test.go, TestCostEstimation: without a limit in the schema,
  // and with one.
  it.each<readonly [string, MakeSchema, number, number, number]>([
    ['self.all(x, true)', listOf(NUMBER), 4_718_591, 10, 32],
    ['self.all(x, true)', listOf(text()), 3_145_727, 20, 62],
    ['self.all(x, true)', listOf(BOOLEAN), 1_887_437, 5, 17],
    ['self.all(x, true)', listOf(list(NUMBER)), 3_145_727, 100, 302],
    ['self.all(x, true)', listOf(PAIR), 555_128, 50, 152],
    ['self.all(x, true)', mapOf(NUMBER), 1_348_169, 10, 32],
    ['has(self.x)', mapOf(NUMBER), 1, 100, 1],
    ['self.all(x, true)', mapOf(text()), 1_179_647, 3, 11],
    ['self.all(x, true)', mapOf(BOOLEAN), 943_718, 100, 302],
    ["self.contains('test')", text, 314_574, 10, 5],
    ["self.startsWith('test')", text, 2, 15, 2],
    ["self.endsWith('test')", text, 2, 30, 2],
    ['size(self + "hello") > size("hello")', text, 314_578, 4, 7],
    ['self[1] == 0.0', listOf(NUMBER), 2, 5_000, 2],
    ['self[1] == self[1]', listOf(text()), 314_577, 8, 314_577],
    ['self.all(x, self.all(y, true))', listOf(NUMBER), Infinity, 10, 352],
    ['self.all(x, self.all(y, self.all(z, true)))', listOf(NUMBER), Infinity, 10, 3_552],
    ['self.matches("x")', text, 314_574, 50, 22],
    ['"".matches("(((((((((())))))))))[0-9]")', text, 7, 10, 7],
    ['self.matches("")', text, 1, 100, 1],
    ['self.all(x, x.contains(self[x]))', (most) => map(text(most), most), 2_752_507, 10, 72],
    ['self[3] == 0.0', listOf(NUMBER), 2, 0, 2],
    ['self["x"] == 0.0', mapOf(NUMBER), 2, 0, 2],
    ['self == "x"', text, 2, 0, 1],
    ['self == b"x"', (most) => ({ ...text(most), format: 'byte' }), 2, 0, 1],
    ['self.all(x, x == 0.0)', listOf(NUMBER), 6_291_454, 3 * 1024 * 2048, 25_165_826],
    [
      'self.all(x, x["y"].required == "z")',
      (most) => list(map({ ...PAIR, ...limited('maxProperties', most) }, most), most),
      7_340_027,
      10,
      72,
    ],
    [
      'self.all(x, x["y"].required == "z")',
      (most) => list(map(PAIR, most)),
      7_340_027,
      10,
      7_340_027,
    ],
    ['self.all(x, true)', listOf(EITHER), 4_718_591, 10, 32],
    ['self[0] == 5', listOf(EITHER), 3, 10, 3],
    ['self[0] == false', listOf(BOOLEAN), 2, 25, 2],
    ['self[0] == null', listOf(PAIR), 2, 422, 2],
    ['self[0][0] == -1.0', listOf(list(NUMBER)), 3, 51, 3],
    ['self.all(x, x.y == 25.2)', listOf(map(NUMBER)), 6_291_452, 12, 74],
    ['self[0].x > 2.0', listOf(map(NUMBER)), 4, 3_000, 4],
    ['self.all(x, true)', listOf(formatted('duration')), 2_359_295, 5, 17],
    ['self[0].getHours() == 2', listOf(formatted('duration')), 4, 525, 4],
    ['self.all(x, true)', listOf(formatted('date')), 725_936, 15, 47],
    ['self[2].getDayOfMonth() == 13', listOf(formatted('date')), 4, 42, 4],
    ['self.all(x, true)', listOf(formatted('date-time')), 428_963, 25, 77],
    ['self[2].getMinutes() == 45', listOf(formatted('date-time')), 4, 99, 4],
    ['self.all(x, true)', mapOf(EITHER), 1_348_169, 15, 47],
    ['self.all(x, true)', mapOf(PAIR), 428_963, 20, 62],
    ['self.all(x, true)', mapOf(map(NUMBER)), 1_179_647, 10, 32],
    ['self.all(x, true)', mapOf(list(NUMBER)), 1_179_647, 25, 77],
    ['self.all(x, true)', mapOf(formatted('duration')), 1_048_577, 5, 17],
    ['self.all(x, true)', mapOf(formatted('date')), 524_288, 10, 32],
    ['self.all(x, true)', mapOf(formatted('date-time')), 349_526, 25, 77],
    ["self.find('[0-9]+') == ''", text, 629_147, 10, 11],
    ["self.join(' ') == 'aa bb'", (most) => list(text(most), most), 329_853_068_905, 10, 43],
    ['self.isSorted() == true', (most) => list(text(most), most), 329_854_432_052, 10, 52],
    [
      "self.str.replace(self.before, self.after) == 'does not matter'",
      (most) => object({ str: text(most), before: text(2), after: text(4) }),
      629_154,
      4,
      12,
    ],
    [
      'self.str.split(self.separator) == []',
      (most) => object({ str: text(most), separator: text(most) }),
      629_160,
      10,
      22,
    ],
    ["self.lowerAscii() == 'lower!'", text, 314_575, 10, 6],
    ['oldSelf.size() == self.size()', mapOf({ type: 'integer' }), 5, 10, 5],
    ['self["a"] == self["b"]', mapOf(formatted('date-time')), 8, 7, 8],
    ['self["c"] == self["d"]', mapOf(formatted('duration')), 8, 42, 8],
    [
      "self.contains('A')",
      (most) => ({ ...text(most), enum: ['A', 'B', 'C', 'LongValue'] }),
      2,
      1_000,
      401,
    ],
    ['isQuantity(self)', (most) => ({ ...EITHER, ...limited('maxLength', most) }), 314_574, 20, 9],
  ])('%s', (rule, schema, free, most, set) => {
    if (free === Infinity) expect(costOf(schema(), rule)).toBeGreaterThan(BUDGET);
    else expect(costOf(schema(), rule)).toBe(free);
    expect(costOf(schema(most), rule)).toBe(set);
  });
});

describe('the estimated cost of a function', () => {
  // The costs of Kubernetes 1.36 apiserver pkg/cel/library/cost_test.go.
  it.each<readonly [number, string]>([
    [9, "url('https:://kubernetes.io/') == url('https:://kubernetes.io/')"],
    [5, "url('https:://kubernetes.io/') == url('http://x.b')"],
    [4, "url('https:://kubernetes.io/').getHost()"],
    [6, 'quantity("200M") == quantity("0.2G") && quantity("0.2G") == quantity("200M")'],
    [4, 'quantity("200M").compareTo(quantity("0.2G")) > 0'],
    [6, 'quantity("50k").add(20).sub(quantity("100k")).asInteger() > 0'],
    [34, 'format.named("dns1123Label").value().validate("my-name")'],
    [21, 'sets.contains([], [])'],
    [29, 'sets.contains([1, 2, 3, 4], [2, 3])'],
    [25, 'sets.equivalent([1], [1, 1])'],
    [22, '!sets.intersects([1], [])'],
    [3, 'semver("1.1.0").isGreaterThan(semver("1.0.0"))'],
    [41, "{'a': 1, 'b': 2}.all(k, v, v > 0)"],
    [40, "{'a': 1, 'b': 2}.existsOne(k, v, v > 0)"],
    [75, "{'a': 1, 'b': 2}.transformMap(k, v, v < 5, v + 1)"],
    [135, "{'a': 1, 'b': 2}.transformMapEntry(k, v, v < 5, {k: v + 1})"],
    [23, '[1, 2].exists(i, v, v > 0)'],
    [53, '[1, 2].transformList(i, v, v < 5, v + 1)'],
  ])('%d: %s', (cost, expression) => {
    const sized = { most: 0, leastBytes: 2 };
    expect(checkExpression(expression, parseCel, new Map(), sized).cost).toBe(cost);
  });
});

describe('the number of values at a place', () => {
  // Kubernetes 1.36 apiextensions-apiserver pkg/apis/apiextensions/validation/validation_test.go,
  // TestCostInfo: what surrounds the place, outermost first.
  it.each<readonly [string, readonly JsonSchema[], number | undefined]>([
    ['an object', [object({})], 1],
    ['a list', [list(text(), 5)], 5],
    ['a list without a limit', [list(text())], undefined],
    ['a map', [map(text(), 10)], 10],
    ['a map without a limit', [map(text())], undefined],
    ['a list in a map', [map(text(), 5), list(text(), 5)], 25],
    ['a list without a limit in a map', [map(text(), 5), list(text())], undefined],
    ['an object in a list', [list(text(), 3), object({})], 3],
    ['a map in an object in a list', [list(text(), 2), object({}), map(text(), 4)], 8],
    ['more than can be counted', [list(text(), 2 ** 63), list(text(), 100)], MOST],
  ])('in %s', (_, schemas, want) => {
    expect(schemas.reduce<number | undefined>(partsOf, 1)).toBe(want);
  });
});

function errorsOf(schema: JsonSchema): readonly string[] {
  const errors: FieldError[] = [];
  compileRules(schema, 'schema', parseCel, errors);
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

function ruled(schema: JsonSchema, rule: string, messageExpression?: string): JsonSchema {
  const made = messageExpression === undefined ? {} : { messageExpression };
  return { ...schema, 'x-kubernetes-validations': [{ rule, ...made }] };
}

const ADVICE =
  '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';
const CONTRIBUTED =
  'Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
const TOTAL =
  'schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of';

describe('a definition', () => {
  it('is refused for a rule that may cost too much', () => {
    const rule = 'self.all(x, self.all(y, x == y))';
    const at = 'schema.properties[f].x-kubernetes-validations[0].rule';
    expect(errorsOf(object({ f: ruled(list(text()), rule) }))).toEqual([
      `${at}: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${ADVICE}`,
      `${at}: ${CONTRIBUTED}`,
      `${TOTAL} more than 100x ${ADVICE}`,
    ]);
    expect(errorsOf(object({ f: ruled(list(text(30), 50), rule) }))).toEqual([]);
  });

  it.each([
    [1_500, '1.125750x'],
    [2_400, '2.9x'],
    [14_000, '98.0x'],
  ])('says how much too much it is: %d items', (most, factor) => {
    const rule = 'self.all(x, self.all(y, x != y))';
    const [error] = errorsOf(object({ f: ruled(list(NUMBER, most), rule) }));
    expect(error).toContain(`estimated rule cost exceeds budget by factor of ${factor} (try`);
  });

  it('is refused when all its rules together may cost too much', () => {
    const rule = "self.contains('keyword')";
    const f = ruled({ type: 'integer' }, 'self > 50 && self < 100');
    const schema = object({
      list: list(ruled(text(5_000), rule), 100_000),
      map: map(ruled(text(5_000), rule), 1_000),
      f,
    });
    const items = 'schema.properties[list].items.x-kubernetes-validations[0].rule';
    const values = 'schema.properties[map].additionalProperties.x-kubernetes-validations[0].rule';
    expect(errorsOf(schema)).toEqual([
      `${items}: Forbidden: estimated rule cost exceeds budget by factor of 20.0x ${ADVICE}`,
      `${items}: ${CONTRIBUTED}`,
      `${values}: ${CONTRIBUTED}`,
      `${TOTAL} 2.0x ${ADVICE}`,
    ]);
  });

  it('is refused for a message that may cost too much', () => {
    const parts = Array.from({ length: 8 }, (_, index) => `self[${index}]`);
    const at = 'schema.properties[f].x-kubernetes-validations[0].messageExpression';
    const [error, ...more] = errorsOf(
      object({ f: ruled(list(text()), 'true', parts.join(' + ')) }),
    );
    expect(error).toContain(`${at}: Forbidden: estimated messageExpression cost exceeds budget`);
    expect(more).toEqual([]);
    const unknown = parts.slice(0, 3).map((part) => `string(${part})`);
    const errors = errorsOf(object({ f: ruled(list(text()), 'true', unknown.join(' + ')) }));
    expect(errors.map((one) => one.split(': ')[0])).toEqual([at, at, 'schema']);
  });

  it('may compare texts that are short and few', () => {
    const rule = 'self.all(x, self.exists_one(y, x.lowerAscii() == y.lowerAscii()))';
    expect(errorsOf(object({ f: ruled(list(text(5), 5), rule) }))).toEqual([]);
  });

  it('counts a rule as often as its values fit into a request', () => {
    const rule = "self.contains('keyword')";
    expect(errorsOf(object({ f: list(ruled(text(20), rule)) }))).toEqual([]);
    const [error] = errorsOf(object({ f: list(ruled(text(200), rule)) }));
    expect(error).toContain('estimated rule cost exceeds budget by factor of 8.5x');
  });
});
