import { describe, expect, it } from 'vitest';

import {
  aContainer,
  anObservation,
  aPod,
  aSandbox,
  exited,
  running,
} from '../../../src/testing/index.js';
import { lookAgainMs } from '../../../src/workers/plan/look-again.js';

const job = aPod({ restartPolicy: 'Never' });
const withInit = aPod({ initContainers: [{ name: 'i' }, { name: 's', restartPolicy: 'Always' }] });
const startedAgo = (ms: number, name = 'app') => aContainer({ name, state: running(10_000 - ms) });

describe(lookAgainMs, () => {
  it.each([
    ['a job that just started', job, startedAgo(0), 50],
    ['one that has run for a moment', job, startedAgo(400), 400],
    ['one that has run for a while', job, startedAgo(2000), undefined],
    ['one that has ended', job, aContainer({ state: exited(0) }), undefined],
    ['a server', aPod(), startedAgo(0), undefined],
    ['an init container', withInit, startedAgo(100, 'i'), 100],
    ['a sidecar', withInit, startedAgo(100, 's'), undefined],
  ])('%s', (_, pod, container, want) => {
    expect(lookAgainMs(pod, anObservation([aSandbox()], [container]), 10_000)).toBe(want);
  });
});
