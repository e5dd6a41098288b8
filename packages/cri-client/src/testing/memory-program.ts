import type { ExitOptions } from './memory-pods.js';

/**
 * The behaviour of the simulated program in a container. Every field is optional; without any, the
 * program runs forever.
 */
export interface Program {
  /** The program ends by itself this long after its start. */
  readonly runsMs?: number;
  /** Exit code when it ends by itself. */
  readonly exit?: ExitOptions;
  /** The time it takes to end after a stop signal; 0 when absent; `'never'` waits for SIGKILL. */
  readonly stopsAfterMs?: number | 'never';
  /** Exit code after a stop signal; 0 when absent. */
  readonly stopExitCode?: number;
  /** Answers `execSync`; when absent, every command succeeds and prints nothing. */
  readonly exec?: (command: readonly string[]) => ExecAnswer | Promise<ExecAnswer>;
  /** The program refuses to start with this error text. */
  readonly startFailure?: string;
}

/** The result of a command in a simulated container; exit code 0 when absent. */
export interface ExecAnswer {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly exitCode?: number;
}
