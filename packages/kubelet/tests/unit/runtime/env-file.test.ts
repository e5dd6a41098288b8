import type { Container } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import {
  type EnvFileAnswer,
  findInEnvFile,
  parseEnvFile,
} from '../../../src/runtime/plan/env-file.js';
import { buildEnvironment, environmentSources } from '../../../src/runtime/plan/environment.js';
import { goQuoted } from '../../../src/runtime/plan/go-quote.js';

const readEnvFile = (text: string, key: string): EnvFileAnswer =>
  findInEnvFile(parseEnvFile(text), key);

describe(parseEnvFile, () => {
  const values: readonly (readonly [string, string])[] = [
    ["KEY='value'", 'value'],
    ["KEY='value'\n", 'value'],
    ["KEY='value'\r\nOTHER='x'", 'value'],
    ["  \t KEY='indented'", 'indented'],
    ["# KEY='no'\n\n   \nKEY='yes' # a comment", 'yes'],
    ["KEY='two\nlines # not a comment'", 'two\nlines # not a comment'],
    ["KEY='$(A) \"\\n'", '$(A) "\\n'],
    ["KEY='first'\nKEY='second'", 'first'],
    ["KEY='found'\nthis is no line", 'found'],
    ["KEY= 'blank before it'", ''],
    ['KEY=\t', ''],
    ["A= \nKEY='x'", 'x'],
    ["KEY='two\r\nlines'\r\n", 'two\nlines'],
    ["KEY=''", ''],
    ["KEY='x'#comment", 'x'],
    [`${' '.repeat(65_000)}KEY='x'`, 'x'],
    [`${'#'.repeat(65_535)}\nKEY='x'`, 'x'],
    ["__proto__='a'\nKEY='x'", 'x'],
    ["A='several\n\nlines'\nKEY='x'", 'x'],
  ];
  it.each(values)('%j', (text, value) =>
    expect(readEnvFile(text, 'KEY')).toEqual({ kind: 'value', value }),
  );

  it.each(['', "OTHER='x'", "KEYS='x'", '\n\n# KEY\n'])('does not find it in %j', (text) =>
    expect(readEnvFile(text, 'KEY')).toEqual({ kind: 'absent' }),
  );

  it.each([
    ['KEY', "line 1: missing '='"],
    ["\nKEY ='x'", "line 2: whitespace before '='"],
    ["='x'", 'line 1: empty variable name'],
    [" \t ='x'", 'line 1: empty variable name'],
    ['KEY=', 'line 1: value must be enclosed in single quotes'],
    ["A='x'\r\nKEY=\r\n", 'line 2: value must be enclosed in single quotes'],
    ["A='\n\n'x", 'line 3: unexpected content after closing quote'],
    [`\n${'#'.repeat(65_536)}`, 'line 2: longer than 65535 bytes'],
    [`KEY='\n${'ä'.repeat(32_768)}'`, 'line 2: longer than 65535 bytes'],
    ['KEY=x', 'line 1: value must be enclosed in single quotes'],
    ['KEY="x"', 'line 1: value must be enclosed in single quotes'],
    ["A='1\n2'\nKEY='x", 'line 3: unclosed single quote'],
    ["KEY='x'y", 'line 1: unexpected content after closing quote'],
  ])('refuses %j', (text, problem) =>
    expect(readEnvFile(text, 'KEY')).toEqual({
      kind: 'problem',
      problem: `invalid environment variable format at ${problem}`,
    }),
  );
});

describe('a file of a mebibyte', () => {
  const mebibyte = 2 ** 20;
  // each took minutes or hours when lines were matched by regular expressions
  it('of blanks before a word is read in linear time', () =>
    expect(readEnvFile(`${' '.repeat(mebibyte)}x`, 'KEY')).toEqual({
      kind: 'problem',
      problem: 'invalid environment variable format at line 1: longer than 65535 bytes',
    }));

  it('of blanks in lines of nearly the maximum length is read in linear time', () =>
    expect(
      readEnvFile(`${' '.repeat(60_000)}\n`.repeat(17) + `${' '.repeat(60_000)}x`, 'KEY'),
    ).toEqual({
      kind: 'problem',
      problem: "invalid environment variable format at line 18: missing '='",
    }));

  it.each([
    [' ', 'problem'],
    [' \n', 'absent'],
    ['\n', 'absent'],
    ['\r\n', 'absent'],
    ['\t=', 'problem'],
    ["A='\n", 'absent'],
    ["A=''\n", 'absent'],
    ['#\n', 'absent'],
    ["'", 'problem'],
    ['a', 'problem'],
  ])('of %j is read in linear time: %s', (unit, kind) =>
    expect(readEnvFile(unit.repeat(mebibyte / unit.length), 'KEY').kind).toBe(kind),
  );
});

describe('fileKeyRef', () => {
  const build = (key: string, optional: boolean | undefined, file: string | Error) => {
    const ref = {
      volumeName: 'v',
      path: 'a/env',
      key,
      ...(optional !== undefined && { optional }),
    };
    const container: Container = {
      name: 'c',
      env: [{ name: 'X', valueFrom: { fileKeyRef: ref } }],
    };
    return buildEnvironment({
      pod: { metadata: { namespace: 'ns' }, spec: { containers: [container] } },
      container,
      fields: { node: { hostIps: [], allocatable: {} }, podIps: [] },
      configMaps: new Map(),
      secrets: new Map(),
      files: new Map([['v/a/env', file instanceof Error ? file : parseEnvFile(file)]]),
      services: [],
    });
  };

  it('yields the value of its key', () => {
    expect(build('KEY', undefined, "KEY='x'")).toEqual([{ name: 'X', value: 'x' }]);
  });

  it.each(["OTHER='x'", "KEY=''"])('is omitted if it is optional and missing: %j', (text) => {
    expect(build('KEY', true, text)).toEqual([]);
    expect(() => build('KEY', false, text)).toThrow(
      'environment variable key "KEY" not found in file "a/env"',
    );
  });

  it.each([true, false])('must be readable; optional: %s', (optional) => {
    const gone = new Error('a/env: no such file');
    const text = "couldn't parse env file";
    expect(() => build('KEY', optional, gone)).toThrow(`${text}: a/env: no such file`);
    expect(() => build('KEY', optional, 'nonsense')).toThrow(`${text}: invalid environment`);
  });
});

it('a file is read once, however many variables ask for it', () => {
  const env = ['A', 'B'].map((key) => ({
    name: key,
    valueFrom: { fileKeyRef: { volumeName: 'v', path: 'env', key } },
  }));
  expect(environmentSources({ name: 'c', env }).files).toEqual([{ volume: 'v', path: 'env' }]);
});

describe(goQuoted, () => {
  it.each([
    ['plain', '"plain"'],
    ['a "b" \\ c', '"a \\"b\\" \\\\ c"'],
    ['\u0000\u0007\b\t\n\v\f\r\u007f', '"\\x00\\a\\b\\t\\n\\v\\f\\r\\x7f"'],
    ['ä € 漢 😀', '"ä € 漢 😀"'],
    ['\u00a0\u2028\u{e0001}', '"\\u00a0\\u2028\\U000e0001"'],
  ])('%j', (text, want) => expect(goQuoted(text)).toBe(want));
});
