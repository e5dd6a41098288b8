/** What a probe's verdict is for: restart it, send it traffic, or leave it alone until it is up. */
export type ProbeKind = 'liveness' | 'readiness' | 'startup';

export const PROBE_KINDS: readonly ProbeKind[] = ['startup', 'liveness', 'readiness'];

/** A number, or the name of one of the subject's ports. */
export type PortRef = number | string;

export type ProbeAction =
  | Readonly<{
      kind: 'http';
      scheme: 'http' | 'https';
      /** The subject's own address when absent. */
      host?: string;
      port: PortRef;
      /** With query, e.g. `/healthz?full=1`. */
      path: string;
      /** May repeat a name; `Host` replaces the request's host; an empty value drops a default. */
      headers: readonly HttpHeader[];
    }>
  | Readonly<{ kind: 'tcp'; host?: string; port: PortRef }>
  | Readonly<{
      kind: 'grpc';
      port: number;
      /** Of grpc.health.v1.HealthCheckRequest; empty asks for the server as a whole. */
      service: string;
    }>
  | Readonly<{ kind: 'exec'; command: readonly string[] }>;

export interface HttpHeader {
  readonly name: string;
  readonly value: string;
}

export interface ProbeSpec {
  readonly action: ProbeAction;
  /** From the start of what is probed to the first attempt. */
  readonly initialDelayMs: number;
  /** Start to start. */
  readonly periodMs: number;
  /** Of one attempt, redirects included. */
  readonly timeoutMs: number;
  /** Successes in a row until the verdict is success; 1 for liveness and startup. */
  readonly successThreshold: number;
  readonly failureThreshold: number;
  /** Grace for the stop that a failed liveness or startup probe causes; the owner's when absent. */
  readonly terminationGraceSeconds?: number;
}

export type ProbeSet = Readonly<Partial<Record<ProbeKind, ProbeSpec>>>;

/**
 * Fills what is left out: no delay, every 10 s, 1 s to answer, one success, three failures.
 *
 * @see Kubernetes 1.36 pkg/apis/core/v1/defaults.go, SetDefaults_Probe
 */
export function withDefaults(probe: Partial<ProbeSpec> & Pick<ProbeSpec, 'action'>): ProbeSpec {
  return {
    initialDelayMs: 0,
    periodMs: 10_000,
    timeoutMs: 1000,
    successThreshold: 1,
    failureThreshold: 3,
    ...probe,
  };
}
