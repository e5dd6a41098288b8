import type { ExitOptions } from './memory-pods.js';

/** What the pretended program in a container does. All of it is optional: it then runs for ever. */
export interface Program {
  /** Ends by itself so long after its start. */
  readonly runsMs?: number;
  /** When it ends by itself. */
  readonly exit?: ExitOptions;
  /** How long it takes to end after a stop signal; 0 when absent; `'never'` waits for SIGKILL. */
  readonly stopsAfterMs?: number | 'never';
  /** When it ends by a stop signal; 0 when absent. */
  readonly stopExitCode?: number;
  /** Answers `execSync`; without it every command succeeds and prints nothing. */
  readonly exec?: (command: readonly string[]) => ExecAnswer | Promise<ExecAnswer>;
  /** Refuses to start with this text. */
  readonly startFailure?: string;
}

export interface ExecAnswer {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly exitCode?: number;
}
