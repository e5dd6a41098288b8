/** The use of a probe's verdict: restart the subject, send it traffic, or wait until it is up. */
export type ProbeKind = 'liveness' | 'readiness' | 'startup';

/** All kinds, in the order in which a container passes them. */
export const PROBE_KINDS: readonly ProbeKind[] = ['startup', 'liveness', 'readiness'];

/** A number, or the name of one of the subject's ports. */
export type PortRef = number | string;

/**
 * One attempt: the address or command that it tries. Ports are numbers, or names of the instance's
 * ports.
 */
export type ProbeAction =
  | Readonly<{
      kind: 'http';
      scheme: 'http' | 'https';
      /** The subject's own address when absent. */
      host?: string;
      port: PortRef;
      /** Includes the query, e.g. `/healthz?full=1`. */
      path: string;
      /**
       * A name may repeat; `Host` replaces the request's host; an empty value removes a default.
       */
      headers: readonly HttpHeader[];
    }>
  | Readonly<{ kind: 'tcp'; host?: string; port: PortRef }>
  | Readonly<{
      kind: 'grpc';
      port: number;
      /** The service in grpc.health.v1.HealthCheckRequest; empty means the server as a whole. */
      service: string;
    }>
  | Readonly<{ kind: 'exec'; command: readonly string[] }>;

/** A header of the probe's request. */
export interface HttpHeader {
  readonly name: string;
  readonly value: string;
}

/** A probe with all of its values; {@link withDefaults} fills in Kubernetes' own. */
export interface ProbeSpec {
  readonly action: ProbeAction;
  /** From the start of the instance to the first attempt. */
  readonly initialDelayMs: number;
  /** From the start of one attempt to the start of the next. */
  readonly periodMs: number;
  /** Time limit of one attempt, including redirects. */
  readonly timeoutMs: number;
  /** Successes in a row that make the verdict a success; 1 for liveness and startup. */
  readonly successThreshold: number;
  readonly failureThreshold: number;
  /**
   * Grace period of the stop that a failed liveness or startup probe causes; the pod's own when
   * absent.
   */
  readonly terminationGraceSeconds?: number;
}

/** The probes of a subject; an absent kind counts as passed. */
export type ProbeSet = Readonly<Partial<Record<ProbeKind, ProbeSpec>>>;

/**
 * Sets defaults: no delay, every 10 s, 1 s to answer, one success, three failures.
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
