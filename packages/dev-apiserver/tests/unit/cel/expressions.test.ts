import { describe, expect, it } from 'vitest';

import type { JsonSchema } from '../../../src/model/json-schema.js';
import { problemsOf, withRule } from './evaluated.js';

const text: JsonSchema = { type: 'string' };
const whole: JsonSchema = { type: 'integer' };
const port: JsonSchema = {
  type: 'object',
  properties: { name: text, number: whole, note: text },
};

const SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    name: text,
    size: whole,
    ratio: { type: 'number' },
    on: { type: 'boolean' },
    data: { type: 'string', format: 'byte' },
    wait: { type: 'string', format: 'duration' },
    since: { type: 'string', format: 'date-time' },
    day: { type: 'string', format: 'date' },
    names: { type: 'array', items: text },
    tags: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
    ports: {
      type: 'array',
      items: port,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
    labels: { type: 'object', additionalProperties: text },
    target: { 'x-kubernetes-int-or-string': true },
    other: { 'x-kubernetes-int-or-string': true },
    'a-b': whole,
    namespace: text,
    absent: text,
    gone: { type: 'string', nullable: true },
    template: { type: 'object', 'x-kubernetes-embedded-resource': true },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};

const OBJECT = {
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'w', namespace: 'default' },
  name: 'Läufer 👑',
  size: 3,
  ratio: 2,
  on: true,
  data: 'QUI=',
  wait: '1h2m3s4ms',
  since: '2011-08-18T19:03:37.01+01:00',
  day: '1997-07-16',
  names: ['b', 'a', 'c', 'a'],
  tags: ['x', 'y'],
  ports: [
    { name: 'http', number: 80 },
    { name: 'https', number: 443, note: 'tls' },
  ],
  labels: { app: 'w', 'tier.x': 'front' },
  target: '50%',
  other: 8,
  'a-b': 1,
  namespace: 'n',
  gone: null,
  template: { kind: 'Pod', metadata: { name: 'p' } },
  free: { any: 1 },
};

function problems(rule: string): readonly string[] {
  return problemsOf(withRule(SCHEMA, rule), OBJECT);
}

describe('an expression', () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    'of numbers': [
      'self.size + 1 == 4 && self.size * 2 - 5 == 1 && self.size / 2 == 1 && self.size % 2 == 1',
      '-self.size == -3 && self.size < 3.5 && self.ratio >= 2 && self.ratio == 2.0',
      'type(self.ratio) == double && type(self.size) == int && type(3u) == uint',
      'dyn(self.size) == 3.0 && dyn(1) != "1"',
      'int("7") == 7 && double("1.5") == 1.5 && string(1.5) == "1.5" && int(2.9) == 2',
      'uint(3) + 2u == 5u && 7u / 2u == 3u',
    ],
    'of texts': [
      'self.name.startsWith("L") && self.name.endsWith("👑") && self.name.contains("ufer")',
      'size(self.name) == 8 && self.name.size() == 8 && self.name.charAt(7) == "👑"',
      'self.name.indexOf("👑") == 7 && "abcabc".lastIndexOf("b") == 4 && "abc".indexOf("c", 1) == 2',
      'self.name.substring(7) == "👑" && self.name.substring(0, 2) == "Lä"',
      '"ÄbC".lowerAscii() == "Äbc" && "äbC".upperAscii() == "äBC"',
      '"a,b,c".split(",") == ["a", "b", "c"] && "a,b,c".split(",", 2) == ["a", "b,c"]',
      '"aaa".replace("a", "b") == "bbb" && "aaa".replace("a", "b", 2) == "bba"',
      '" x ".trim() == "x" && ["a", "b"].join("-") == "a-b" && ["a", "b"].reverse() == ["b", "a"]',
      '"a" < "b" && "%s is %d of %.1f".format(["x", 2, 1.55]) == "x is 2 of 1.6"',
      '"abc".indexOf("c", 9) == -1 && "abc".lastIndexOf("a", 9) == -1 && "abc".indexOf("", 9) == 9',
      '"%s".format([[1, "a", {"k": true}]]) == "[1, \\"a\\", {\\"k\\":true}]"',
      'string(1000000.0) == "1e+06" && string(1.5e-7) == "1.5e-07" && string(123456.5) == "123456.5"',
      'strings.quote("a\\"b") == "\\"a\\\\\\"b\\""',
    ],
    'with patterns': [
      'self.name.matches("^[A-Z]") && !self.name.matches("^[0-9]+$")',
      '"abc 123".find("[0-9]+") == "123" && "abc".find("[0-9]") == ""',
      '"1 22 333".findAll("[0-9]+") == ["1", "22", "333"]',
      '"1 22 333".findAll("[0-9]+", 2) == ["1", "22"]',
    ],
    'of bytes and times': [
      'self.data == b"AB" && size(self.data) == 2 && string(self.data) == "AB"',
      'self.wait == duration("1h2m") + duration("3s4ms") && self.wait.getMinutes() == 62',
      'string(self.wait) == "3723.004s" && self.wait < duration("2h")',
      'self.since == timestamp("2011-08-18T18:03:37.01Z")',
      'self.since.getHours() == 18 && self.since.getHours("+01:00") == 19',
      'self.since.getHours("Europe/Berlin") == 20 && self.since.getDayOfWeek() == 4',
      'self.day.getFullYear() == 1997 && self.day.getMonth() == 6 && self.day.getDate() == 16',
      'self.since - self.since == duration("0s") && self.since > self.day',
    ],
    'of lists': [
      'self.names.size() == 4 && self.names[0] == "b" && "c" in self.names',
      'self.names.all(n, n < "d") && self.names.exists(n, n == "c")',
      'self.names.exists_one(n, n == "c") && !self.names.exists_one(n, n == "a")',
      'self.names.map(n, n + n)[0] == "bb" && self.names.filter(n, n != "a") == ["b", "c"]',
      'self.names.map(n, n != "a", n + "!") == ["b!", "c!"]',
      'self.names.all(i, n, i < 4 && n != "") && self.names.transformList(i, n, i) == [0, 1, 2, 3]',
      '!self.names.isSorted() && [1, 2].isSorted() && [1, 2].sum() == 3 && [1, 3, 2].max() == 3',
      '[2, 1].min() == 1 && self.names.indexOf("a") == 1 && self.names.lastIndexOf("a") == 3',
      'self.names.distinct().sort() == ["a", "b", "c"] && lists.range(3) == [0, 1, 2]',
      'self.names.slice(1, 3) == ["a", "c"] && [[1], [2]].flatten() == [1, 2]',
      'self.ports.sortBy(p, -p.number)[0].name == "https" && [1, 2].reverse() == [2, 1]',
      'self.names + ["x"] == ["b", "a", "c", "a", "x"] && [] == []',
    ],
    'of sets and keyed lists': [
      'self.tags == ["y", "x"] && (self.tags + ["x", "z"]).size() == 3',
      'sets.contains(self.tags, ["x"]) && sets.intersects([1], [1, 2])',
      'sets.equivalent([1, 1, 2], [2, 1]) && !sets.intersects([1], [2])',
      'self.ports.exists(p, p.number == 443) && self.ports.all(p, !has(p.note) || p.note == "tls")',
      // an item that decides hides the errors of the others
      'self.ports.exists(p, p.note == "tls") && !self.ports.all(p, p.note == "x")',
    ],
    'of maps': [
      'self.labels["app"] == "w" && self.labels.app == "w" && "app" in self.labels',
      'self.labels.all(k, k != "") && self.labels.exists(k, v, k == "app" && v == "w")',
      'self.labels.size() == 2 && {"a": 1}.a == 1 && {1: "x"}[1] == "x"',
      '{"a": 1}.transformMap(k, v, v + 1) == {"a": 2}',
      '{"a": 1}.transformMapEntry(k, v, {v: k}) == {1: "a"}',
    ],
    'of optionals': [
      'self.?absent.orValue("none") == "none" && !self.?absent.hasValue()',
      'self.labels[?"nope"].orValue("x") == "x" && self.?name.optMap(n, n.size()).value() == 8',
      'optional.of(1).or(optional.none()).value() == 1 && !optional.ofNonZeroValue("").hasValue()',
      'self.?labels.app.orValue("") == "w" && self.names[?9] == optional.none()',
      'optional.of(1).optFlatMap(x, optional.of(x + 1)) == optional.of(2)',
      'self.names.first().value() == "b" && self.names.last().value() == "a"',
    ],
    'of addresses and URLs': [
      'isIP("10.0.0.1") && !isIP("010.0.0.1") && ip("::1").isLoopback() && ip("1.2.3.4").family() == 4',
      'ip.isCanonical("2001:db8::1") && !ip.isCanonical("2001:DB8::1") && !isIP("::ffff:1.2.3.4")',
      'cidr("10.0.0.0/8").containsIP("10.1.2.3") && cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16")',
      'cidr("10.1.2.3/8").masked() == cidr("10.0.0.0/8") && cidr("::/0").prefixLength() == 0',
      'isCIDR("fd00::/8") && !isCIDR("10.0.0.0/33") && string(cidr("10.0.0.0/8").ip()) == "10.0.0.0"',
      'ip("169.254.1.1").isLinkLocalUnicast() && ip("8.8.8.8").isGlobalUnicast()',
      'isURL("https://a.example:8080/x?y=1") && !isURL("a.example") && isURL("/path")',
      'url("https://u@a.example:80/x y?k=1&k=2").getQuery()["k"] == ["1", "2"]',
      'url("https://[::1]:80/").getHostname() == "::1" && url("https://a:80/").getPort() == "80"',
      'url("https://a:80/x%20y").getEscapedPath() == "/x%20y" && url("https://a:80").getHost() == "a:80"',
    ],
    'of quantities, versions and named formats': [
      'isQuantity("1.5Gi") && !isQuantity("10 Mo") && quantity("1Ki") == quantity("1024")',
      'quantity("50M").isGreaterThan(quantity("1M")) && quantity("1").compareTo(quantity("1000m")) == 0',
      'quantity("1k").add(quantity("1")).asInteger() == 1001 && quantity("1").sub(2).isLessThan(quantity("0"))',
      'sign(quantity("-1")) == -1 && !quantity("100m").isInteger()',
      'isSemver("1.2.3") && !isSemver("v1.2") && isSemver("v1.2", true)',
      'semver("1.2.3-rc.1").isLessThan(semver("1.2.3")) && semver("1.10.0").minor() == 10',
      '!format.dns1123Label().validate("web-1").hasValue()',
      'format.named("dns1123Label").value().validate("No").hasValue() && !format.named("x").hasValue()',
    ],
    'of fields': [
      'has(self.name) && !has(self.absent) && !has(self.gone)',
      'self.a__dash__b == 1 && self.__namespace__ == "n" && self.namespace == "n"',
      'self.kind == "Widget" && self.metadata.name == "w" && self.template.kind == "Pod"',
      'self.on ? self.size == 3 : false',
      'type(self.target) == string && self.target.endsWith("%") && self.other > 7 && self.other == 8',
    ],
    'whose one side decides': [
      'self.absent == "x" || true',
      'true || self.absent == "x"',
      '!(self.absent == "x" && false)',
    ],
  };
  it.each(Object.entries(cases).flatMap(([what, all]) => all.map((one) => [what, one])))(
    '%s: %s',
    (_what, rule) => {
      expect(problems(rule)).toEqual([]);
    },
  );
});

describe('an expression is refused', () => {
  const AT = 'schema.x-kubernetes-validations[0].rule: Invalid value: {rule}:';
  it.each([
    ['self.nope == 1', "undefined field 'nope'", 5],
    ['has(self.nope)', "undefined field 'nope'", 9],
    ['self.free.any == 1', "undefined field 'any'", 10],
    ['self.metadata.namespace == ""', "undefined field 'namespace'", 14],
    ['self.name.first == 1', "type 'string' does not support field selection", 10],
    ['size == 1', "undeclared reference to 'size' (in container '')", 1],
    ['nope(1)', "undeclared reference to 'nope' (in container '')", 5],
    [
      'authorizer.path("/x").check("get").allowed()',
      "undeclared reference to 'authorizer' (in container '')",
      1,
    ],
    ['cel.bind(x, 1, x == 1)', "undeclared reference to 'cel' (in container '')", 1],
    ['self.size + "x" == 1', "found no matching overload for '_+_' applied to '(int, string)'", 11],
    ['self.size == "3"', "found no matching overload for '_==_' applied to '(int, string)'", 11],
    [
      'self.absent == null',
      "found no matching overload for '_==_' applied to '(string, null)'",
      13,
    ],
    [
      'self.name.startsWith(1)',
      "found no matching overload for 'startsWith' applied to 'string.(int)'",
      21,
    ],
    ['self.data.hex() == ""', "undeclared reference to 'hex' (in container '')", 14],
    ['[1, "a"].size() == 2', "expected type 'int' but found 'string'", 5],
    ['self.name.matches(")")', 'invalid matches argument', 19],
    ['duration("1d") == self.wait', 'invalid duration argument', 10],
    ['timestamp("2020-13-01T00:00:00Z") == self.day', 'invalid timestamp argument', 11],
    ['self.size ==', 'Syntax error: Unexpected token: EOF', 13],
    [
      'self.size.all(x, x > 1)',
      "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
      5,
    ],
    ['self.size && true', "expected type 'bool' but found 'int'", 5],
  ])('%s', (rule, message, column) => {
    const place = `${rule}\n | ${'.'.repeat(column - 1)}^`;
    expect(problems(rule)).toEqual([
      `${AT} compilation failed: ERROR: <input>:1:${column}: ${message}\n | ${place}`,
    ]);
  });

  it('that is no bool', () => {
    expect(problems('self.size')).toEqual([`${AT} cel expression must evaluate to a bool`]);
  });
});

describe('an evaluation fails', () => {
  it.each([
    ['self.absent == "x"', 'no such key: absent evaluating rule: self.absent == "x"'],
    ['self.names[9] == ""', 'index out of bounds: 9 evaluating rule: self.names[9] == ""'],
    ['self.size / 0 == 1', 'division by zero evaluating rule: self.size / 0 == 1'],
    [
      '9223372036854775807 + self.size == 0',
      'integer overflow evaluating rule: 9223372036854775807 + self.size == 0',
    ],
    [
      'self.target > 3',
      "'no such overload: (string, int)': call arguments did not match a supported operator, function or macro signature for rule: self.target > 3",
    ],
    [
      'lists.range(2000).all(a, lists.range(2000).all(b, a + b >= 0))',
      "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: lists.range(2000).all(a, lists.range(2000).all(b, a + b >= 0))",
    ],
  ])('%s', (rule, message) => {
    expect(problems(rule)).toEqual([`<nil>: Invalid value: "object": ${message}`]);
  });
});
