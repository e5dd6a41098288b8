import { describe, expect, it, vi } from 'vitest';

import { type Program, type ProgramOptions, runProgram } from '../../src/adapters/process.js';
import { ConfigError, isConfigError, KUBERNETES_VERSION } from '../../src/index.js';

const PROBLEM = { source: 'demo.yaml', problems: [{ field: 'port', message: 'must be less' }] };

const OPTIONS: ProgramOptions = {
  config: {
    logging: {
      ...{ format: 'json', verbosity: 0, modules: [] },
      ...{ splitStream: false, infoBufferBytes: 0, flushMs: 5000 },
    },
  },
  warnings: [],
};

const DEMO: Program<ProgramOptions> = {
  text: { name: 'demo', about: 'Shows how programs begin and end.' },
  flags: [
    { name: 'help', short: 'h', kind: 'boolean', help: 'this text' },
    { name: 'version', kind: 'boolean', help: 'the version' },
  ],
  commands: {
    count: async function* (argv, note) {
      note(`to ${argv.join()}`);
      yield* argv;
    },
  },
  readOptions: async () => OPTIONS,
  run: async () => undefined,
  expected: [isConfigError],
};

async function run(argv: readonly string[], given: Partial<Program<ProgramOptions>> = {}) {
  const printed = { out: '', error: '', signals: 0 };
  const code = await runProgram(
    { ...DEMO, ...given },
    {
      argv,
      print: async (text) => void (printed.out += text),
      printError: (text) => void (printed.error += text),
      signal: () => {
        printed.signals += 1;
        return new AbortController().signal;
      },
    },
  );
  return { code, ...printed };
}

describe(runProgram, () => {
  it('runs by its options until it is done', async () => {
    const seen: ProgramOptions[] = [];
    const done = await run([], { run: async (options) => void seen.push(options) });
    expect(done).toEqual({ code: 0, out: '', error: '', signals: 1 });
    expect(seen).toEqual([OPTIONS]);
  });

  it.each([
    [['--help'], /Shows how programs begin.*\n\nUsage: demo \[flags\]/],
    [['--version'], new RegExp(`^Kubernetes ${KUBERNETES_VERSION}\n$`)],
    [['count', '1', '2'], /^12$/],
  ])('answers %j without options or signals', async (argv, want) => {
    const readOptions = () => Promise.reject(new Error('not asked for'));
    const { code, out, signals } = await run(argv, { readOptions });
    expect({ code, signals }).toEqual({ code: 0, signals: 0 });
    expect(out).toMatch(want);
  });

  it('lets a command remark on what it does, apart from what it prints', async () => {
    expect((await run(['count', '3'])).error).toBe('demo: to 3\n');
  });

  it('takes no word of every object’s for a command', async () => {
    expect((await run(['constructor'])).code).toBe(1);
  });

  it.each([
    [
      'the message of an expected error',
      new ConfigError('CONFIG_INVALID', PROBLEM),
      /^demo: demo.yaml: port: must be less\n$/,
    ],
    [
      'the stack of any other',
      new TypeError('oops'),
      /^demo: TypeError: oops\n +at .*program\.test/,
    ],
    ['what is no error as it is', 'gone', /^demo: gone\n$/],
  ])('ends with 1 and shows %s', async (_, thrown, want) => {
    const { code, out, error } = await run([], { run: vi.fn().mockRejectedValue(thrown) });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(error).toMatch(want);
  });

  it('ends with 1 for flags that it does not know', async () => {
    const { code, error } = await run(['--nonsense']);
    expect(code).toBe(1);
    expect(error).toMatch(/unknown flag: --nonsense/);
  });
});
