import { describe, expect, it } from 'vitest';

import type { ProbeSubject } from '../../src/index.js';
import { decideProbe, firstAttemptMs, initialVerdict, type WorkerView } from '../../src/index.js';
import { anInstance, aProbe, aSubject } from '../builders.js';

const ready: WorkerView = {
  kind: 'readiness',
  spec: aProbe(),
  onHold: false,
  started: true,
  runningMs: 60_000,
};
const live: WorkerView = { ...ready, kind: 'liveness' };
const startup: WorkerView = { ...ready, kind: 'startup', started: false };
const delayed = aProbe({ initialDelayMs: 15_000 });

const cases: readonly {
  name: string;
  subject?: Partial<ProbeSubject>;
  view?: WorkerView;
  want: object;
}[] = [
  { name: 'running', want: { kind: 'probe' } },
  { name: 'finished', subject: { phase: 'finished' }, want: { kind: 'finish' } },
  { name: 'on hold', view: { ...live, onHold: true }, want: { kind: 'hold' } },
  {
    name: 'exited, will restart',
    subject: { instance: anInstance({ state: 'exited' }) },
    want: { kind: 'wait', verdict: 'failure' },
  },
  {
    name: 'exited for good',
    subject: { instance: anInstance({ state: 'exited', restartable: false }) },
    want: { kind: 'finish', verdict: 'failure' },
  },
  {
    name: 'created, readiness',
    subject: { instance: anInstance({ state: 'other' }) },
    want: { kind: 'wait', verdict: 'failure' },
  },
  {
    name: 'created, liveness: not failed, because it will run under this id',
    subject: { instance: anInstance({ state: 'other' }) },
    view: live,
    want: { kind: 'wait', why: 'not-running' },
  },
  { name: 'stopping, readiness', subject: { phase: 'stopping' }, want: { kind: 'probe' } },
  {
    name: 'stopping, liveness',
    subject: { phase: 'stopping' },
    view: live,
    want: { kind: 'finish', verdict: 'success' },
  },
  {
    name: 'stopping, startup',
    subject: { phase: 'stopping' },
    view: startup,
    want: { kind: 'finish', verdict: 'success' },
  },
  {
    name: 'within the delay',
    view: { ...ready, spec: delayed, runningMs: 14_000 },
    want: { kind: 'wait', forMs: 1000 },
  },
  { name: 'after the delay', view: { ...ready, spec: delayed }, want: { kind: 'probe' } },
  { name: 'startup', view: startup, want: { kind: 'probe' } },
  { name: 'startup, started', view: { ...startup, started: true }, want: { kind: 'wait' } },
  { name: 'readiness, not started', view: { ...ready, started: false }, want: { kind: 'wait' } },
  { name: 'liveness, not started', view: { ...live, started: false }, want: { kind: 'wait' } },
];

describe(decideProbe, () => {
  it.each(cases)('$name', ({ subject = {}, view = ready, want }) => {
    expect(decideProbe(aSubject(subject), view)).toMatchObject(want);
  });

  it('waits while there is no instance', () => {
    const { instance, ...rest } = aSubject();
    expect(instance).toBeDefined();
    expect(decideProbe(rest, ready)).toEqual({ kind: 'wait', why: 'no-instance' });
  });
});

describe(firstAttemptMs, () => {
  it.each([
    ['readiness', 0, 0],
    ['readiness', 5000, 5000],
    ['liveness', 0, 10_000],
    ['liveness', 5000, 10_000],
    ['liveness', 10_000, 10_000],
    ['startup', 11_000, 20_000],
  ] as const)(
    '%s with a delay of %d ms has its first attempt after %d ms',
    (kind, initialDelayMs, want) => {
      expect(firstAttemptMs(kind, aProbe({ initialDelayMs }))).toBe(want);
    },
  );
});

describe(initialVerdict, () => {
  it.each([
    ['liveness', false, 'success'],
    ['readiness', false, 'failure'],
    ['startup', false, 'unknown'],
    ['readiness', true, undefined],
  ] as const)('%s (adopted: %s) starts as %s', (kind, adopted, want) => {
    expect(initialVerdict(kind, adopted)).toBe(want);
  });
});
