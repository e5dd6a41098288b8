import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import { logSpans } from '../../src/index.js';

it('writes each span with its duration, and its failure', async () => {
  const [log, clock] = [new MemoryLogger(), new ManualClock()];
  const tracer = logSpans(log, clock);
  const { signal } = new AbortController();
  const spec = { name: 'ListPods', kind: 'client', attributes: { pod: 'web' } } as const;
  const working = tracer.span(spec, async () => {
    await clock.sleep(250, signal);
    return 7;
  });
  await clock.advance(250);
  expect(await working).toBe(7);
  const failure = new Error('no');
  await expect(tracer.span(spec, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(log.lines).toMatchObject([
    {
      ...{ level: 'debug', message: 'span ended' },
      fields: { name: 'ListPods', durationMs: 250, pod: 'web' },
    },
    { level: 'debug', message: 'span failed', fields: { name: 'ListPods', err: failure } },
  ]);
});
