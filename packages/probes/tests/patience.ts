import type { ProbeOutcome } from '../src/index.js';

/** Time limits long enough for attempts that must not be cut off, even on a busy machine. */
export const PATIENT_MS = 30_000;

/** Each is four times the previous one. */
const TIMES_MS = [50, 200, 800, 3200, 12_800];

/**
 * Makes attempts with more and more time, for a probe that must be cut off at a certain point: a
 * busy machine is slow to get that far.
 *
 * @param want the expected detail, given the time limit
 * @returns the outcome with that detail, or else the last one, and its time limit
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
