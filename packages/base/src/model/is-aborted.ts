/**
 * Reads `signal.aborted` anew. TypeScript assumes that the property stays as it was last tested,
 * even across an `await`; after one, ask this function.
 */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
