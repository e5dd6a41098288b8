import { ManualClock } from '@nodeagent/base/testing';
import { KubeError, type Pod, RUNTIME_CLASSES } from '@nodeagent/kube-client';
import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
import { describe, expect, it } from 'vitest';

import { runtimeHandlerOf } from '../../../src/runtime/run/runtime-handler.js';

const { signal } = new AbortController();
const podOf = (spec: Partial<NonNullable<Pod['spec']>>): Pod => ({
  spec: { containers: [], ...spec },
});

describe('runtime class', () => {
  it('yields the handler that it names', async () => {
    const client = createMemoryKubeClient({ clock: new ManualClock() });
    const metadata = { name: 'sandboxed' };
    await client.create(RUNTIME_CLASSES, { metadata, handler: 'runsc' }, signal);
    const pod = podOf({ runtimeClassName: 'sandboxed' });
    expect(await runtimeHandlerOf(pod, client, signal)).toBe('runsc');
  });

  it.each([
    ['no class', {}],
    ['an empty one', { runtimeClassName: '' }],
  ])('%s causes no request', async (_, spec) => {
    const client = { get: () => Promise.reject(new Error('asked')) };
    expect(await runtimeHandlerOf(podOf(spec), client, signal)).toBe('');
  });

  it('fails the sandbox if it names no handler', async () => {
    const client = { get: () => Promise.resolve({ handler: 7 } as never) };
    const found = runtimeHandlerOf(podOf({ runtimeClassName: 'x' }), client, signal);
    const message = 'failed to lookup RuntimeClass x: handler: expected string';
    await expect(found).rejects.toMatchObject({ reason: 'CreatePodSandboxError', message });
  });

  it.each([
    ['KUBE_NOT_FOUND', 'runtimeclass.node.k8s.io "x" not found'],
    ['KUBE_FORBIDDEN', 'failed to lookup RuntimeClass x: GET: no'],
  ] as const)('%s fails the sandbox', async (code, message) => {
    const client = { get: () => Promise.reject(new KubeError(code, 'GET: no')) };
    const found = runtimeHandlerOf(podOf({ runtimeClassName: 'x' }), client, signal);
    await expect(found).rejects.toMatchObject({ reason: 'CreatePodSandboxError', message });
  });
});
