import { ManualClock } from '@nodeagent/base/testing';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { describe, expect, it } from 'vitest';

import { parseSwaps } from '../../../src/assembly/plan/parse-swaps.js';
import { checkEndpoints, checkMachine } from '../../../src/assembly/plan/usable-here.js';
import { connectRuntime } from '../../../src/assembly/run/connect-runtime.js';
import { parseKubeletConfig } from '../../../src/config/index.js';
import { memoryParts } from './memory-parts.js';

const placeOf = (field: string) => ({ source: '/etc/kubelet.yaml', field: `my ${field}` });

const thrownBy = (work: () => void): unknown => {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
};

describe(checkEndpoints, () => {
  const good = { containerRuntimeEndpoint: 'unix:///run/c.sock', imageServiceEndpoint: '' };

  it.each(['containerRuntimeEndpoint', 'imageServiceEndpoint'])(
    'reports a malformed %s with its place',
    (name) => {
      const found = thrownBy(() => checkEndpoints({ ...good, [name]: 'ftp://nowhere' }, placeOf));
      expect(found).toMatchObject({ code: 'CONFIG_INVALID', source: '/etc/kubelet.yaml' });
      expect(found).toMatchObject({ problems: [{ field: `my ${name}` }] });
      expect((found as Error).message).toContain('ftp://nowhere');
    },
  );

  it('accepts sockets', () => {
    expect(thrownBy(() => checkEndpoints(good, placeOf))).toBeUndefined();
  });
});

describe(checkMachine, () => {
  const machine = { cgroupVersion: 2, onlineCpus: new Set([0, 1]), swapAreas: [] } as const;
  const v1 = { cgroupVersion: 1 } as const;
  const allowed = { failCgroupV1: false };

  it.each([
    [{}, {}, []],
    [{}, v1, ['my failCgroupV1']],
    [allowed, v1, []],
    [{ ...allowed, memorySwap: { swapBehavior: 'LimitedSwap' } }, v1, ['my memorySwap']],
    [{ ...allowed, singleProcessOOMKill: false }, v1, ['my singleProcessOOMKill']],
    [{ singleProcessOOMKill: false, memorySwap: { swapBehavior: 'LimitedSwap' } }, {}, []],
    [{}, { swapAreas: ['/dev/sda2'] }, ['my failSwapOn']],
    [{ failSwapOn: false }, { swapAreas: ['/dev/sda2'] }, []],
    [{ reservedSystemCPUs: '0-1' }, {}, []],
    [
      { reservedSystemCPUs: '1-2' },
      { swapAreas: ['/swap'] },
      ['my failSwapOn', 'my reservedSystemCPUs'],
    ],
  ])('%j on %j: problems %j', (value, differs, fields) => {
    const { config } = parseKubeletConfig({ file: { value, directory: '/' } });
    const found = thrownBy(() => checkMachine(config, { ...machine, ...differs }, placeOf));
    const { problems = [] } = (found ?? {}) as { problems?: { field: string }[] };
    expect(problems.map(({ field }) => field)).toEqual(fields);
  });
});

it.each([
  ['Filename\tType\tSize\n', []],
  [
    'Filename\tType\n/dev/sda2 partition 1 0 -2\n/swap\\040file file 1 0 -3\n',
    ['/dev/sda2', '/swap\\040file'],
  ],
])('parseSwaps reads %j', (text, areas) => {
  expect(parseSwaps(text)).toEqual(areas);
});

describe(connectRuntime, () => {
  it('reports a runtime that never answers with its place', async () => {
    const clock = new ManualClock();
    const cri = new MemoryRuntime({ clock });
    cri.calls.goAway();
    const parts = memoryParts({ clock, cri, identity: { nodeName: 'n1', placeOf } });
    const { signal } = new AbortController();
    const found = connectRuntime(parts, signal).catch((error: unknown) => error);
    await clock.advance(10_000);
    expect(await found).toMatchObject({
      source: '/etc/kubelet.yaml',
      problems: [{ field: 'my containerRuntimeEndpoint' }],
    });
  });

  it('connects to a runtime that starts late', async () => {
    const clock = new ManualClock();
    const cri = new MemoryRuntime({ clock });
    cri.calls.failNext('version', 'CRI_UNAVAILABLE', 2);
    const found = connectRuntime(memoryParts({ clock, cri }), new AbortController().signal);
    await clock.advance(10_000);
    expect(await found).toMatchObject({ containerEvents: true });
  });
});
