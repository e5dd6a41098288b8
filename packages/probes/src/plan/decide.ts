import type { ProbeKind, ProbeSpec } from '../model/probe.js';
import type { Verdict } from '../model/result.js';
import type { ProbeSubject } from '../model/subject.js';

/** A worker's state beyond its subject. */
export interface WorkerView {
  readonly kind: ProbeKind;
  readonly spec: ProbeSpec;
  /** True after a verdict that ends the probing of this instance. */
  readonly onHold: boolean;
  /** True when the instance has passed its startup probe, or has none. */
  readonly started: boolean;
  /** Time since the instance started, by a clock that never jumps. */
  readonly runningMs: number;
}

/**
 * `wait` ends after `forMs`, or at the next change of the subject when `forMs` is absent; `hold`
 * ends with a new instance; `finish` does not end. Record `verdict` first.
 */
export type ProbeDecision =
  | Readonly<{ kind: 'probe'; why: string }>
  | Readonly<{ kind: 'wait'; why: string; forMs?: number; verdict?: Verdict }>
  | Readonly<{ kind: 'hold'; why: string }>
  | Readonly<{ kind: 'finish'; why: string; verdict?: Verdict }>;

/**
 * Decides whether to make an attempt now.
 *
 * @see Kubernetes 1.36 pkg/kubelet/prober/worker.go, doProbe
 */
export function decideProbe(subject: ProbeSubject, view: WorkerView): ProbeDecision {
  const { kind, spec, onHold, started, runningMs } = view;
  const { instance, phase } = subject;
  if (phase === 'finished') return { kind: 'finish', why: 'subject-finished' };
  if (instance === undefined) return { kind: 'wait', why: 'no-instance' };
  if (onHold) return { kind: 'hold', why: 'decided-for-this-instance' };
  if (instance.state !== 'running') {
    // An instance that has not run yet has not failed either: it keeps its first verdict under the
    // same id.
    if (instance.state === 'other' && kind !== 'readiness') {
      return { kind: 'wait', why: 'not-running' };
    }
    const ended = instance.state === 'exited' && !instance.restartable;
    if (ended) return { kind: 'finish', why: 'exited-for-good', verdict: 'failure' };
    return { kind: 'wait', why: 'not-running', verdict: 'failure' };
  }
  if (phase === 'stopping' && kind !== 'readiness') {
    return { kind: 'finish', why: 'stopping', verdict: 'success' };
  }
  const delayMs = firstAttemptMs(kind, spec);
  if (runningMs < delayMs)
    return { kind: 'wait', why: 'initial-delay', forMs: delayMs - runningMs };
  if (kind === 'startup') {
    return started ? { kind: 'wait', why: 'started' } : { kind: 'probe', why: 'due' };
  }
  return started ? { kind: 'probe', why: 'due' } : { kind: 'wait', why: 'not-started' };
}

/**
 * Returns the time from an instance's start to its first attempt. Readiness is probed as soon as
 * its delay allows. The probes that can kill start with the first whole period after the delay.
 * That is the latest time at which Kubernetes' free-running ticker starts: never harsher, and the
 * same on every restart.
 */
export function firstAttemptMs(kind: ProbeKind, spec: ProbeSpec): number {
  const { initialDelayMs, periodMs } = spec;
  if (kind === 'readiness') return initialDelayMs;
  return Math.max(1, Math.ceil(initialDelayMs / periodMs)) * periodMs;
}

/**
 * Returns the verdict of an instance before any attempt: alive, not ready, start unknown.
 *
 * @returns undefined when an instance was running well before this process: its reported verdict
 *   stays valid until an attempt contradicts it
 */
export function initialVerdict(kind: ProbeKind, adopted: boolean): Verdict | undefined {
  if (adopted) return undefined;
  return kind === 'liveness' ? 'success' : kind === 'readiness' ? 'failure' : 'unknown';
}
