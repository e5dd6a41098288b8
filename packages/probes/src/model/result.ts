import { Buffer } from 'node:buffer';

/**
 * The result of one attempt. A warning counts as success, but is worth reporting. An error says
 * nothing about the probed subject (e.g. a port name that does not exist, a runtime that does not
 * answer), so thresholds ignore it.
 */
export interface ProbeOutcome {
  readonly result: 'success' | 'warning' | 'failure' | 'error';
  /**
   * The result to report for an error; it counts neither as success nor as failure. `unknown` when
   * absent.
   */
  readonly state?: 'failure';
  /** Body, output or error text, at most 10 KiB. */
  readonly detail: string;
}

/** The verdict of the thresholds; `unknown` until a startup probe has its first verdict. */
export type Verdict = 'success' | 'failure' | 'unknown';

/** Limit on the stored bytes of a response body or of a command's output. */
export const DETAIL_LIMIT_BYTES = 10 * 1024;

/** Returns the text's first 10 KiB in UTF-8, without a partial character at its end. */
export function cutDetail(text: string): string {
  if (text.length * 3 <= DETAIL_LIMIT_BYTES) return text;
  const bytes = Buffer.from(text, 'utf8').subarray(0, DETAIL_LIMIT_BYTES);
  return new TextDecoder().decode(bytes, { stream: true });
}
