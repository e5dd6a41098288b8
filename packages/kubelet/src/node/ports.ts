/** Answers `/healthz` on a port of this machine. */
export interface HealthServer {
  /**
   * Serves until the signal fires; tries again when the address is taken.
   *
   * @param problem undefined while the agent is well
   */
  run(problem: () => string | undefined, signal: AbortSignal): Promise<void>;
}
