import { ManualClock } from '@nodeagent/base/testing';
import { describe, expect, it } from 'vitest';

import { CriError } from '../../../src/index.js';
import { probeRuntime } from '../../../src/run/probe-runtime.js';
import { MemoryRuntime, type OptionalCall } from '../../../src/testing/index.js';

const { signal } = new AbortController();

async function probe(lacks: readonly OptionalCall[]) {
  const clock = new ManualClock();
  const probing = probeRuntime(new MemoryRuntime({ clock, lacks }), clock, signal);
  await clock.advance(1000);
  return probing;
}

describe(probeRuntime, () => {
  it('finds every call that a complete runtime has', async () => {
    expect(await probe([])).toEqual({
      version: expect.objectContaining({ runtimeName: 'memory' }),
      containerEvents: true,
      runtimeConfig: true,
      sandboxStats: true,
      sandboxMetrics: true,
      streamingLists: true,
    });
  });

  it('detects missing calls', async () => {
    const lacks = [
      'containerEvents',
      'runtimeConfig',
      'podSandboxStats',
      'metrics',
      'streamingLists',
    ] as const;
    expect(await probe(lacks)).toMatchObject({
      containerEvents: false,
      runtimeConfig: false,
      sandboxStats: false,
      sandboxMetrics: false,
      streamingLists: false,
    });
  });

  it.each([
    { failure: 'CRI_UNIMPLEMENTED', want: 'CRI_UNSUPPORTED_VERSION' },
    { failure: 'CRI_UNAVAILABLE', want: 'CRI_UNAVAILABLE' },
  ] as const)(
    'fails with $want when the version call fails with $failure',
    async ({ failure, want }) => {
      const runtime = new MemoryRuntime({ clock: new ManualClock() });
      runtime.calls.failNext('version', failure);
      await expect(probeRuntime(runtime, new ManualClock(), signal)).rejects.toMatchObject({
        code: want,
      });
    },
  );

  it('refuses a runtime of another version', async () => {
    const runtime = new MemoryRuntime({ clock: new ManualClock() });
    const old = { ...(await runtime.version(signal)), runtimeApiVersion: 'v1alpha2' };
    runtime.version = async () => old;
    await expect(probeRuntime(runtime, new ManualClock(), signal)).rejects.toThrow('v1alpha2');
  });

  it('passes other failures on', async () => {
    const clock = new ManualClock();
    const runtime = new MemoryRuntime({ clock });
    const failure = new CriError('CRI_INTERNAL', 'x', { method: 'RuntimeConfig' });
    runtime.calls.failNext('runtimeConfig', failure);
    const probing = probeRuntime(runtime, clock, signal);
    const refused = expect(probing).rejects.toBe(failure);
    await clock.advance(1000);
    await refused;
  });
});
