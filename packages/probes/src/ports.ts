import type { ProbeKind, ProbeSpec } from './model/probe.js';
import type { ProbeOutcome, Verdict } from './model/result.js';
import type { HttpRequest } from './plan/http-request.js';

/**
 * Makes one attempt; rejects only when its signal is aborted. Each prober keeps its own deadline.
 */
export type Attempt<Request> = (
  request: Request & Readonly<{ timeoutMs: number }>,
  signal: AbortSignal,
) => Promise<ProbeOutcome>;

/** A connection that is closed as soon as it stands. */
export interface TcpRequest {
  readonly hostname: string;
  readonly port: number;
}

/** A call of `grpc.health.v1.Health/Check`; an empty service stands for the whole server. */
export interface GrpcRequest {
  readonly address: string;
  readonly port: number;
  readonly service: string;
}

/** A command to run where the instance is; no shell is involved. */
export interface ExecRequest {
  readonly instanceId: string;
  readonly command: readonly string[];
}

/** One prober per kind; probes of a kind without a prober end in errors. */
export interface Prober {
  readonly http?: Attempt<HttpRequest>;
  readonly tcp?: Attempt<TcpRequest>;
  readonly grpc?: Attempt<GrpcRequest>;
  readonly exec?: Attempt<ExecRequest>;
}

/** Runs a command in the subject, e.g. by CRI's ExecSync. */
export interface ExecRunner {
  /** Rejects when the command could not be run; a command that fails returns an exit code. */
  run(
    request: ExecRequest & Readonly<{ timeoutMs: number }>,
    signal: AbortSignal,
  ): Promise<ExecResult>;
}

/** The end of a command; `output` holds both of its streams. */
export type ExecResult =
  Readonly<{ kind: 'exited'; exitCode: number; output: string }> | Readonly<{ kind: 'timed-out' }>;

/** A verdict that differs from the one before, with the probe that decided it. */
export interface VerdictChange {
  readonly key: string;
  readonly instanceId: string;
  readonly kind: ProbeKind;
  readonly verdict: Verdict;
  readonly spec: ProbeSpec;
  /** The detail of the deciding attempt; empty when there was none. */
  readonly detail: string;
}

/** One attempt with its outcome, whether it changes a verdict or not. */
export interface AttemptReport {
  readonly key: string;
  readonly instanceId: string;
  readonly kind: ProbeKind;
  readonly outcome: ProbeOutcome;
  readonly durationMs: number;
}

/** Receives a manager's findings; calls must not throw. */
export interface VerdictSink {
  /** Called when a verdict has changed; not called for the initial verdicts of a new instance. */
  changed(change: VerdictChange): void;
  /** Called after each attempt, for events and metrics. */
  attempted?(report: AttemptReport): void;
}
