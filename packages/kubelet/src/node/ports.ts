/** A server that answers `/healthz` on a port of this machine. */
export interface HealthServer {
  /**
   * Serves until the signal fires. Retries while the address is in use.
   *
   * @param problem undefined while the agent is healthy
   */
  run(problem: () => string | undefined, signal: AbortSignal): Promise<void>;
}
