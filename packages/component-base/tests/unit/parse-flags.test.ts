import { describe, expect, it } from 'vitest';

import {
  ConfigError,
  type FlagSpec,
  flagsToConfig,
  mergePatch,
  parseFlags,
  renderHelp,
} from '../../src/index.js';

const table: readonly FlagSpec[] = [
  { name: 'v', short: 'v', kind: 'integer', help: 'log level', path: 'logging.verbosity' },
  { name: 'config', kind: 'string', help: 'configuration file' },
  { name: 'profiling', kind: 'boolean', help: 'profiling', path: 'enableProfiling' },
  { name: 'oom-score-adj', kind: 'integer', help: 'score', path: 'oomScoreAdj', default: '-999' },
  { name: 'sync-period', kind: 'duration', help: 'period', path: 'iptables.syncPeriod' },
  { name: 'cidrs', kind: 'list', help: 'ranges', path: 'cidrs', deprecated: 'use the file' },
  { name: 'gates', kind: 'map', help: 'gates', path: 'featureGates' },
  { name: 'network-plugin', kind: 'string', help: '', ignored: 'CNI is up to the runtime' },
];

const cases: readonly { name: string; argv: string[]; want: Record<string, unknown> }[] = [
  { name: 'a separate value', argv: ['--config', 'a.yaml'], want: { config: 'a.yaml' } },
  { name: 'an inline value', argv: ['--config=a=b'], want: { config: 'a=b' } },
  { name: 'a bare boolean', argv: ['--profiling', '--v=2'], want: { profiling: true, v: 2 } },
  { name: 'a boolean set to false', argv: ['--profiling=false'], want: { profiling: false } },
  { name: 'short with a space', argv: ['-v', '4'], want: { v: 4 } },
  { name: 'short with =', argv: ['-v=5'], want: { v: 5 } },
  { name: 'short joined', argv: ['-v6'], want: { v: 6 } },
  { name: 'a negative number', argv: ['--oom-score-adj', '-500'], want: { 'oom-score-adj': -500 } },
  { name: 'underscores', argv: ['--oom_score_adj=1'], want: { 'oom-score-adj': 1 } },
  { name: 'the last of two scalars', argv: ['--v=1', '--v=3'], want: { v: 3 } },
  {
    name: 'lists that add up',
    argv: ['--cidrs=a,b', '--cidrs=c'],
    want: { cidrs: ['a', 'b', 'c'] },
  },
  {
    name: 'maps that add up',
    argv: ['--gates=A=true', '--gates=B=false'],
    want: { gates: { A: 'true', B: 'false' } },
  },
];

describe(parseFlags, () => {
  it.each(cases)('reads $name', ({ argv, want }) => {
    expect(Object.fromEntries(parseFlags(table, argv).given)).toEqual(want);
  });

  it('warns of deprecated and of ignored flags, once each', () => {
    const { warnings } = parseFlags(table, ['--cidrs=a', '--cidrs=b', '--network-plugin=cni']);
    expect(warnings).toEqual([
      'Flag --cidrs has been deprecated, use the file',
      'Flag --network-plugin has no effect: CNI is up to the runtime',
    ]);
  });

  it('reports all problems together', () => {
    const parse = () =>
      parseFlags(table, ['--nope', '--v=x', '--sync-period=5', '--config', '--gates=A']);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(/--sync-period: "5" is not a duration/);
    expect(parse).toThrow(/unknown flag: --nope\n {2}--v: "x" is not a whole number/);
  });

  it('refuses positional arguments', () => {
    expect(() => parseFlags(table, ['start'])).toThrow('unknown command "start"');
  });
});

describe(flagsToConfig, () => {
  it('puts values at their paths in the configuration file', () => {
    const flags = parseFlags(table, ['--v=3', '--sync-period=1m', '--gates=A=true']);
    expect(flagsToConfig(table, flags)).toEqual({
      logging: { verbosity: 3 },
      iptables: { syncPeriod: '1m' },
      featureGates: { A: 'true' },
    });
  });
});

describe(mergePatch, () => {
  it('merges objects, replaces lists and deletes nulls', () => {
    const target = { a: { b: 1, c: [1, 2] }, d: 1 };
    expect(mergePatch(target, { a: { c: [3] }, d: null, e: 2 })).toEqual({
      a: { b: 1, c: [3] },
      e: 2,
    });
    expect(target).toEqual({ a: { b: 1, c: [1, 2] }, d: 1 });
  });
});

describe(renderHelp, () => {
  it('shows every flag that has an effect, aligned, with defaults and deprecations', () => {
    const help = renderHelp({ name: 'proxy', about: 'Forwards.' }, table);
    expect(help).toContain('Usage: proxy [flags]');
    expect(help).toMatch(/^ {2}-v, --v integer {14}log level$/m);
    expect(help).toMatch(/--oom-score-adj integer {2}score \(default -999\)/);
    expect(help).toContain('(DEPRECATED: use the file)');
    expect(help).not.toContain('network-plugin');
  });
});
