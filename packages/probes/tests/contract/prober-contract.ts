import { expect, it } from 'vitest';

import type { ProbeOutcome } from '../../src/index.js';

/** One kind of attempt against subjects that succeed, fail, and never answer. */
export interface ProberCase {
  good(signal: AbortSignal): Promise<ProbeOutcome>;
  bad(signal: AbortSignal): Promise<ProbeOutcome>;
  silent(signal: AbortSignal): Promise<ProbeOutcome>;
}

/** Rules for every prober, real or scripted. */
export function proberContract(create: () => Promise<ProberCase & AsyncDisposable>): void {
  it('answers success', async () => {
    await using prober = await create();
    expect(await prober.good(new AbortController().signal)).toMatchObject({ result: 'success' });
  });

  it('answers failure with a reason', async () => {
    await using prober = await create();
    const outcome = await prober.bad(new AbortController().signal);
    expect(outcome.result).toBe('failure');
    expect(outcome.detail).not.toBe('');
  });

  it('rejects with the reason when it is aborted', async () => {
    await using prober = await create();
    const abort = new AbortController();
    const attempt = prober.silent(abort.signal);
    const reason = new Error('enough');
    setImmediate(() => abort.abort(reason));
    await expect(attempt).rejects.toBe(reason);
  });

  it('does not start when it is already aborted', async () => {
    await using prober = await create();
    const reason = new Error('too late');
    await expect(prober.good(AbortSignal.abort(reason))).rejects.toBe(reason);
  });
}
