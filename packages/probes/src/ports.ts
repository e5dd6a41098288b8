import type { ProbeKind, ProbeSpec } from './model/probe.js';
import type { ProbeOutcome, Verdict } from './model/result.js';
import type { HttpRequest } from './plan/http-request.js';

/** One attempt; never throws but for an aborted signal. Each keeps its own deadline. */
export type Attempt<Request> = (
  request: Request & Readonly<{ timeoutMs: number }>,
  signal: AbortSignal,
) => Promise<ProbeOutcome>;

export interface TcpRequest {
  readonly hostname: string;
  readonly port: number;
}

export interface GrpcRequest {
  readonly address: string;
  readonly port: number;
  readonly service: string;
}

export interface ExecRequest {
  readonly instanceId: string;
  readonly command: readonly string[];
}

/** How attempts are made; a kind that is absent makes its probes end in errors. */
export interface Prober {
  readonly http?: Attempt<HttpRequest>;
  readonly tcp?: Attempt<TcpRequest>;
  readonly grpc?: Attempt<GrpcRequest>;
  readonly exec?: Attempt<ExecRequest>;
}

/** Runs a command inside what is probed, e.g. by CRI's ExecSync. */
export interface ExecRunner {
  /** Throws when the command could not be run; its own failure is an exit code. */
  run(
    request: ExecRequest & Readonly<{ timeoutMs: number }>,
    signal: AbortSignal,
  ): Promise<ExecResult>;
}

export type ExecResult =
  Readonly<{ kind: 'exited'; exitCode: number; output: string }> | Readonly<{ kind: 'timed-out' }>;

export interface VerdictChange {
  readonly key: string;
  readonly instanceId: string;
  readonly kind: ProbeKind;
  readonly verdict: Verdict;
  readonly spec: ProbeSpec;
  /** Of the attempt that decided; empty when no attempt did. */
  readonly detail: string;
}

export interface AttemptReport {
  readonly key: string;
  readonly instanceId: string;
  readonly kind: ProbeKind;
  readonly outcome: ProbeOutcome;
  readonly durationMs: number;
}

/** Where a manager tells what it found; calls must not throw. */
export interface VerdictSink {
  /** A verdict is another one than before; the ones that a new instance begins with are not told. */
  changed(change: VerdictChange): void;
  /** An attempt ended: for events and metrics. */
  attempted?(report: AttemptReport): void;
}
