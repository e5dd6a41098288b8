import { ManualClock } from '@nodeagent/base/testing';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { describe, expect, it } from 'vitest';

import { checkCgroupVersion, checkEndpoints } from '../../../src/assembly/plan/usable-here.js';
import { connectRuntime } from '../../../src/assembly/run/connect-runtime.js';
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
    'a malformed %s is named with its place',
    (name) => {
      const found = thrownBy(() => checkEndpoints({ ...good, [name]: 'ftp://nowhere' }, placeOf));
      expect(found).toMatchObject({ code: 'CONFIG_INVALID', source: '/etc/kubelet.yaml' });
      expect(found).toMatchObject({ problems: [{ field: `my ${name}` }] });
      expect((found as Error).message).toContain('ftp://nowhere');
    },
  );

  it('sockets are fine', () => {
    expect(thrownBy(() => checkEndpoints(good, placeOf))).toBeUndefined();
  });
});

describe(checkCgroupVersion, () => {
  it.each([
    [1, true, ['my failCgroupV1']],
    [1, false, []],
    [2, true, []],
  ] as const)('version %i with failCgroupV1=%s: problems %j', (version, failCgroupV1, fields) => {
    const found = thrownBy(() => checkCgroupVersion({ failCgroupV1 }, version, placeOf));
    const { problems = [] } = (found ?? {}) as { problems?: { field: string }[] };
    expect(problems.map(({ field }) => field)).toEqual(fields);
  });
});

describe(connectRuntime, () => {
  it('a runtime that never answers is named with its place', async () => {
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

  it('a runtime that comes up late is taken', async () => {
    const clock = new ManualClock();
    const cri = new MemoryRuntime({ clock });
    cri.calls.failNext('version', 'CRI_UNAVAILABLE', 2);
    const found = connectRuntime(memoryParts({ clock, cri }), new AbortController().signal);
    await clock.advance(10_000);
    expect(await found).toMatchObject({ containerEvents: true });
  });
});
