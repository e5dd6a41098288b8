import { Buffer } from 'node:buffer';

/**
 * What one attempt brought. A warning counts as success, but is worth telling. An error says
 * nothing about what is probed (a port name that does not exist, a runtime that cannot be asked),
 * so thresholds ignore it.
 */
export interface ProbeOutcome {
  readonly result: 'success' | 'warning' | 'failure' | 'error';
  /** What an error is told to have resulted in; it counts as neither. `unknown` when absent. */
  readonly state?: 'failure';
  /** Body, output or error text, at most 10 KiB. */
  readonly detail: string;
}

/** What thresholds made of the attempts; `unknown` until a startup probe has its first verdict. */
export type Verdict = 'success' | 'failure' | 'unknown';

/** Bytes of a response body or of a command's output that are kept. */
export const DETAIL_LIMIT_BYTES = 10 * 1024;

/** The text's first 10 KiB in UTF-8, without half a character at its end. */
export function cutDetail(text: string): string {
  if (text.length * 3 <= DETAIL_LIMIT_BYTES) return text;
  const bytes = Buffer.from(text, 'utf8').subarray(0, DETAIL_LIMIT_BYTES);
  return new TextDecoder().decode(bytes, { stream: true });
}
