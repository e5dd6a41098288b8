import { MemoryLogger } from '@nodeagent/base/testing';
import type { Sandbox } from '@nodeagent/cri-client';
import { describe, expect, it } from 'vitest';

import { Sandboxes, type SandboxPorts } from '../../../src/runtime/run/sandboxes.js';

const { signal } = new AbortController();
const BOOTED_AT_MS = 1_000_000;
const broken = new Error('failed to get network "lan" cached result: unexpected end of JSON input');

/** Stops a sandbox that the runtime cannot stop. */
function stop(sandbox: Partial<Sandbox>, log = new MemoryLogger()): Promise<void> {
  const cri = {
    stopPodSandbox: () => Promise.reject(broken),
    listPodSandbox: () => Promise.resolve([sandbox]),
  };
  const ports = { cri, log } as unknown as SandboxPorts;
  return new Sandboxes(ports, { bootedAtMs: BOOTED_AT_MS } as never).stop('s1', signal);
}

describe('a sandbox that the runtime cannot stop', () => {
  it('counts as stopped, with a warning, if it is from before the last boot', async () => {
    const log = new MemoryLogger();
    await stop({ state: 'not-ready', createdAtMs: BOOTED_AT_MS - 1 }, log);
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { sandbox: 's1', err: broken } }]);
  });

  it.each<[string, Partial<Sandbox>]>([
    ['is from this boot', { state: 'not-ready', createdAtMs: BOOTED_AT_MS }],
    ['is ready', { state: 'ready', createdAtMs: BOOTED_AT_MS - 1 }],
  ])('keeps its error if it %s', async (_, sandbox) => {
    await expect(stop(sandbox)).rejects.toBe(broken);
  });
});
