import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';

import { checkConfig, ConfigError, parseConfigFile } from '../../src/index.js';

const wanted = { apiVersions: ['demo.k8s.io/v1'], kind: 'DemoConfiguration' };
const head = 'apiVersion: demo.k8s.io/v1\nkind: DemoConfiguration\n';
const schema = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  port: z.int().min(1).max(65535).default(80),
  nested: z.strictObject({ burst: z.int().min(0).default(10) }).prefault({}),
  items: z.array(z.strictObject({ name: z.string() })).default([]),
});

describe(parseConfigFile, () => {
  const bad: readonly { name: string; text: string; message: RegExp }[] = [
    { name: 'an empty file', text: ' \n', message: /^a\.yaml: the file is empty$/ },
    { name: 'broken YAML', text: 'a: [1', message: /^a\.yaml: .*line 1/ },
    { name: 'a list', text: '- 1', message: /must hold one YAML or JSON object/ },
    {
      name: 'another kind',
      text: 'apiVersion: v1\nkind: Pod',
      message: /2 problems\n {2}apiVersion: must be demo.k8s.io\/v1, found "v1"\n {2}kind: must be/,
    },
  ];
  it.each(bad)('refuses $name', ({ text, message }) => {
    expect(() => parseConfigFile(text, 'a.yaml', wanted)).toThrow(message);
  });

  it('reads JSON as well, and warns of duplicate keys', () => {
    const json = '{"apiVersion":"demo.k8s.io/v1","kind":"DemoConfiguration","port":1}';
    expect(parseConfigFile(json, 'a.json', wanted).value).toMatchObject({ port: 1 });
    const twice = parseConfigFile(`${head}port: 1\nport: 2\n`, 'a.yaml', wanted);
    expect(twice.value).toMatchObject({ port: 2 });
    expect(twice.warnings).toEqual(['a.yaml: Map keys must be unique at line 4, column 1']);
  });
});

describe(checkConfig, () => {
  const check = (text: string) => {
    return checkConfig(schema, parseConfigFile(head + text, 'a.yaml', wanted).value, 'a.yaml');
  };

  it('fills in defaults', () => {
    expect(check('').config).toMatchObject({ port: 80, nested: { burst: 10 } });
  });

  it('drops unknown fields at any depth with one warning each', () => {
    const { config, warnings } = check('prot: 1\nnested: {brust: 3}\nitems: [{name: a, x: 1}]\n');
    expect(config).toMatchObject({ port: 80, nested: { burst: 10 }, items: [{ name: 'a' }] });
    expect(warnings).toEqual([
      'a.yaml: unknown field "nested.brust"',
      'a.yaml: unknown field "items[0].x"',
      'a.yaml: unknown field "prot"',
    ]);
  });

  it('reports every bad value with its path, and unknown fields too', () => {
    const run = () => check('port: 0\nnested: {burst: -1}\nitems: [{}]\nprot: 1\n');
    expect(run).toThrow(ConfigError);
    expect(run).toThrow(
      /^a\.yaml: 3 problems\n {2}port: .*\n {2}nested\.burst: .*\n {2}items\[0\]\.name: /,
    );
  });
});

it('refuses a file whose aliases multiply', () => {
  const steps = Array.from({ length: 9 }, (_, at) => {
    const ten = Array.from({ length: 10 }, () => `*a${at}`).join(',');
    return `a${at + 1}: &a${at + 1} [${ten}]`;
  });
  const bomb = ['apiVersion: a/v1', 'kind: K', 'a0: &a0 [x]', ...steps].join('\n');
  expect(() => parseConfigFile(bomb, 'f.yaml', { apiVersions: ['a/v1'], kind: 'K' })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error,
  );
});

describe('a file of many fields', () => {
  /** Counts the items that one list method visits. */
  function itemsGoneThrough(method: 'map' | 'some', work: () => void): number {
    type Method = (this: unknown[], call: unknown) => unknown;
    const original = Reflect.get(Array.prototype, method) as Method;
    let items = 0;
    vi.spyOn(Array.prototype, method).mockImplementation(function (this: unknown[], call: unknown) {
      items += this.length;
      return original.call(this, call) as never;
    });
    try {
      work();
    } finally {
      vi.restoreAllMocks();
    }
    return items;
  }

  it('with unknown fields is copied once, not once per field', () => {
    const strict = z.strictObject({ list: z.array(z.strictObject({})) });
    const copied = (count: number): number => {
      const list = Array.from({ length: count }, () => ({ surprise: 1 }));
      return itemsGoneThrough('map', () => {
        const { config, warnings } = checkConfig(strict, { list }, 'a.yaml');
        expect(config.list).toHaveLength(count);
        expect(warnings).toHaveLength(count);
      });
    };
    expect(copied(400)).toBeLessThan(3 * copied(200));
  });

  it('is checked for duplicate keys in linear time', () => {
    const compared = (count: number): number => {
      const lines = Array.from({ length: count }, (_, at) => `k${at}: 1`);
      const text = `${head}${lines.join('\n')}`;
      return itemsGoneThrough('some', () =>
        expect(parseConfigFile(text, 'a.yaml', wanted).warnings).toEqual([]),
      );
    };
    expect(compared(400)).toBeLessThan(3 * compared(200) + 100);
  });
});
