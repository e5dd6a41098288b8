import { parseFlags } from '@nodeagent/component-base';
import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { describe, expect, it } from 'vitest';

import { checkCgroupVersion, checkEndpoints, connectRuntime } from '../../src/connect-runtime.js';
import { FLAGS } from '../../src/flags.js';
import { type Options, readOptions } from '../../src/options.js';

const FILE = '/etc/kubelet.yaml';
const NO_FILE = undefined;

function optionsOf(
  file: Readonly<Record<string, unknown>> | undefined,
  ...argv: readonly string[]
): Promise<Options> {
  const config = file === undefined ? [] : [`--config=${FILE}`];
  const flags = parseFlags(FLAGS, ['--kubeconfig=/k', ...config, ...argv]);
  return readOptions(flags, 'host', async () => ({
    file: file && { value: file, directory: '/etc' },
    dropIns: [],
    warnings: [],
  }));
}

const thrownBy = (work: () => void): unknown => {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
};

const BAD = 'ftp://nowhere';
const places = [
  ['in the file', { containerRuntimeEndpoint: BAD }, [], FILE, 'containerRuntimeEndpoint'],
  [
    'by flag over the file',
    {},
    [`--container-runtime-endpoint=${BAD}`],
    'command line',
    '--container-runtime-endpoint',
  ],
  [
    'by flag alone',
    NO_FILE,
    [`--container-runtime-endpoint=${BAD}`],
    'command line',
    '--container-runtime-endpoint',
  ],
  ['of images', { imageServiceEndpoint: BAD }, [], FILE, 'imageServiceEndpoint'],
] as const;

describe('the runtime at start', () => {
  it.each(places)('a malformed endpoint %s', async (_, file, argv, source, field) => {
    const options = await optionsOf(file, ...argv);
    const found = thrownBy(() => checkEndpoints(options));
    expect(found).toMatchObject({ code: 'CONFIG_INVALID', source, problems: [{ field }] });
    expect((found as Error).message).toContain(BAD);
  });

  it.each([
    ['with a file', {}, FILE, 'containerRuntimeEndpoint'],
    ['without one', NO_FILE, 'command line', '--container-runtime-endpoint'],
  ] as const)('one that never answers is named, %s', async (_, file, source, field) => {
    const clock = new ManualClock();
    const runtime = new MemoryRuntime({ clock });
    runtime.calls.goAway();
    const base = { clock, log: new MemoryLogger(), options: await optionsOf(file) };
    const { signal } = new AbortController();
    const found = connectRuntime({ runtime }, base, signal).catch((error: unknown) => error);
    await clock.advance(10_000);
    expect(await found).toMatchObject({ source, problems: [{ field }] });
  });

  it('one that comes up late is taken', async () => {
    const clock = new ManualClock();
    const runtime = new MemoryRuntime({ clock });
    runtime.calls.failNext('version', 'CRI_UNAVAILABLE', 2);
    const base = { clock, log: new MemoryLogger(), options: await optionsOf({}) };
    const found = connectRuntime({ runtime }, base, new AbortController().signal);
    await clock.advance(10_000);
    expect(await found).toMatchObject({ containerEvents: true });
  });

  it.each([
    ['with a file', {}, FILE, 'failCgroupV1'],
    ['without one', NO_FILE, 'command line', '--fail-cgroupv1'],
  ] as const)('cgroup v1 is refused, %s', async (_, file, source, field) => {
    const options = await optionsOf(file);
    const found = thrownBy(() => checkCgroupVersion(options, false));
    expect(found).toMatchObject({ source, problems: [{ field }] });
    expect(thrownBy(() => checkCgroupVersion(options, true))).toBeUndefined();
  });
});
