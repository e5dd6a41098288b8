import type { ProbeOutcome } from '../model/result.js';
import type { Attempt, Prober } from '../ports.js';

/** Answers attempts from a script and records them. */
export interface ScriptedProber extends Required<Prober> {
  /** All attempts so far, in order. */
  readonly attempts: readonly Readonly<Record<string, unknown>>[];
  /** Sets the outcomes of later attempts; the last one repeats. */
  answer(...outcomes: readonly ScriptedOutcome[]): void;
}

/** `'never'` does not answer until the attempt is aborted. */
export type ScriptedOutcome = ProbeOutcome['result'] | ProbeOutcome | 'never';

/**
 * Returns these outcomes one by one and then repeats the last; succeeds always when there are none.
 */
export function createScriptedProber(...outcomes: readonly ScriptedOutcome[]): ScriptedProber {
  const attempts: Readonly<Record<string, unknown>>[] = [];
  let script: readonly ScriptedOutcome[] = outcomes.length > 0 ? outcomes : ['success'];
  let position = 0;
  const next = (): ScriptedOutcome => {
    const outcome = script[Math.min(position, script.length - 1)] ?? 'success';
    position += 1;
    return outcome;
  };
  const attempt =
    (kind: keyof Prober): Attempt<object> =>
    async (request, signal) => {
      signal.throwIfAborted();
      attempts.push({ kind, ...request });
      const outcome = next();
      if (outcome === 'never') return aborted(signal);
      return typeof outcome === 'string' ? { result: outcome, detail: outcome } : outcome;
    };
  return {
    attempts,
    answer: (...more) => {
      script = more;
      position = 0;
    },
    http: attempt('http'),
    tcp: attempt('tcp'),
    grpc: attempt('grpc'),
    exec: attempt('exec'),
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
