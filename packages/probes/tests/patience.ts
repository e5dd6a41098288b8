import type { ProbeOutcome } from '../src/index.js';

/** Long enough for whatever is not to be cut off, on a machine that is busy. */
export const PATIENT_MS = 30_000;

/** Each four times the one before. */
const TIMES_MS = [50, 200, 800, 3200, 12_800];

/**
 * Tries a probe that is to be cut off at a certain point with more and more time: a busy machine is
 * slow to get that far.
 *
 * @param want what it says then, by the time that it had
 * @returns the outcome that says so, else the last; and the time that it had
 */
export async function cutOff(
  want: (timeoutMs: number) => string,
  probe: (timeoutMs: number) => Promise<ProbeOutcome>,
): Promise<{ readonly outcome: ProbeOutcome; readonly want: string }> {
  let last: ProbeOutcome | undefined;
  for (const timeoutMs of TIMES_MS) {
    last = await probe(timeoutMs);
    if (last.detail === want(timeoutMs)) return { outcome: last, want: want(timeoutMs) };
  }
  if (last === undefined) throw new Error('no time at all');
  return { outcome: last, want: want(TIMES_MS.at(-1) ?? 0) };
}
