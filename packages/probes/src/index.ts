export { isProbeError, ProbeError, type ProbeErrorCode } from './model/errors.js';
export {
  type HttpHeader,
  type PortRef,
  PROBE_KINDS,
  type ProbeAction,
  type ProbeKind,
  type ProbeSet,
  type ProbeSpec,
  withDefaults,
} from './model/probe.js';
export { DETAIL_LIMIT_BYTES, type ProbeOutcome, type Verdict } from './model/result.js';
export type { ProbedInstance, ProbeSubject } from './model/subject.js';
export {
  decideProbe,
  firstAttemptMs,
  initialVerdict,
  type ProbeDecision,
  type WorkerView,
} from './plan/decide.js';
export {
  headerProblem,
  type HttpRequest,
  type HttpRequestOptions,
  planHttpRequest,
  planRedirect,
  PROBE_USER_AGENT,
  type RedirectStep,
} from './plan/http-request.js';
export {
  type FoldedResult,
  foldResult,
  type ProbeRun,
  type Thresholds,
} from './plan/thresholds.js';
export type {
  Attempt,
  AttemptReport,
  ExecRequest,
  ExecResult,
  ExecRunner,
  GrpcRequest,
  Prober,
  TcpRequest,
  VerdictChange,
  VerdictSink,
} from './ports.js';
export { createExecProber } from './run/exec-prober.js';
export { ProbeManager, type ProbeManagerOptions } from './run/probe-manager.js';
