import { describe, expect, it } from 'vitest';

import { foldResult, type ProbeKind, type ProbeRun } from '../../src/index.js';

/**
 * `s`/`f` are results; the expected text has one character per result: verdict S or F, or `.` for
 * none.
 */
const cases: readonly {
  name: string;
  kind: ProbeKind;
  success: number;
  failure: number;
  results: string;
  want: string;
}[] = [
  { name: 'one success', kind: 'readiness', success: 1, failure: 3, results: 's', want: 'S' },
  {
    name: 'third failure',
    kind: 'readiness',
    success: 1,
    failure: 3,
    results: 'ffff',
    want: '..FF',
  },
  {
    name: 'broken run',
    kind: 'readiness',
    success: 1,
    failure: 3,
    results: 'ffsff',
    want: '..S..',
  },
  {
    name: 'two successes',
    kind: 'readiness',
    success: 2,
    failure: 1,
    results: 'sfss',
    want: '.F.S',
  },
  {
    name: 'failing liveness',
    kind: 'liveness',
    success: 1,
    failure: 2,
    results: 'sff',
    want: 'S.H',
  },
  { name: 'startup success', kind: 'startup', success: 1, failure: 2, results: 'fs', want: '.H' },
  { name: 'startup failure', kind: 'startup', success: 1, failure: 2, results: 'ff', want: '.H' },
];

describe(foldResult, () => {
  it.each(cases)('$name', ({ kind, success, failure, results, want }) => {
    const thresholds = { successThreshold: success, failureThreshold: failure };
    let run: ProbeRun | undefined;
    const published = Array.from(results, (letter) => {
      const folded = foldResult(run, letter === 's' ? 'success' : 'failure', { kind, thresholds });
      run = folded.run;
      if (folded.hold) return 'H';
      return folded.verdict === undefined ? '.' : folded.verdict === 'success' ? 'S' : 'F';
    });
    expect(published.join('')).toBe(want);
  });

  it('clears the run when it holds, so that the next instance starts from zero', () => {
    const thresholds = { successThreshold: 1, failureThreshold: 1 };
    const folded = foldResult(undefined, 'failure', { kind: 'liveness', thresholds });
    expect(folded).toEqual({ run: undefined, verdict: 'failure', hold: true });
  });
});
