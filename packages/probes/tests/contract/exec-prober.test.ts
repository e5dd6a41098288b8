import { describe, expect, it } from 'vitest';

import { createExecProber, type ExecResult } from '../../src/index.js';
import { proberContract } from './prober-contract.js';

const request = { instanceId: 'c1', command: ['cat', '/ok'], timeoutMs: 1000 };
const exec = (result: ExecResult) =>
  createExecProber({
    run: async (_, signal) => {
      signal.throwIfAborted();
      return result;
    },
  });
const { signal } = new AbortController();

describe(createExecProber, () => {
  proberContract(async () => {
    const silent = createExecProber({
      run: (_, aborting) =>
        new Promise((_resolve, reject) => {
          aborting.addEventListener('abort', () => reject(aborting.reason as Error));
        }),
    });
    return {
      good: (s) => exec({ kind: 'exited', exitCode: 0, output: '' })(request, s),
      bad: (s) => exec({ kind: 'exited', exitCode: 1, output: 'no such file' })(request, s),
      silent: (s) => silent(request, s),
      [Symbol.asyncDispose]: async () => undefined,
    };
  });

  it('makes an error of a command that could not be run, with the reason', async () => {
    const broken = createExecProber({ run: async () => Promise.reject(new Error('no runtime')) });
    const outcome = await broken(request, signal);
    expect(outcome).toEqual({ result: 'error', detail: 'no runtime' });
  });

  it('reports a timeout', async () => {
    expect(await exec({ kind: 'timed-out' })(request, signal)).toEqual({
      result: 'failure',
      detail: 'command timed out: "cat /ok" timed out after 1s',
    });
  });

  it('keeps 10 KiB of output', async () => {
    const outcome = await exec({ kind: 'exited', exitCode: 2, output: 'é'.repeat(20_000) })(
      request,
      signal,
    );
    expect(Buffer.byteLength(outcome.detail)).toBeLessThanOrEqual(10 * 1024);
    expect(outcome.detail).toMatch(/^é+$/);
  });
});
