import type { Clock } from '@nodeagent/base';

import type { ExecResult } from '../model/container.js';
import type { ExecSyncRequest } from '../ports.js';
import { refused } from './memory-pods.js';
import type { ExecAnswer, Program } from './memory-program.js';
import type { ContainerRecord } from './memory-state.js';

/**
 * Runs a command in a container, for at most its timeout and as long as the container runs.
 *
 * @throws {CriError} `CRI_DEADLINE` when the command timed out
 */
export async function runCommand(
  record: ContainerRecord,
  { exec = (): ExecAnswer => ({}) }: Program,
  { command, timeoutMs }: ExecSyncRequest,
  { clock, signal }: Readonly<{ clock: Clock; signal: AbortSignal }>,
): Promise<ExecResult> {
  const answered = Promise.race([Promise.resolve(exec(command)), killedWith(record.life.signal)]);
  const answer = await (timeoutMs === undefined
    ? answered
    : Promise.race([answered, clock.sleep(timeoutMs, signal)]));
  signal.throwIfAborted();
  if (typeof answer === 'string') {
    const why = `command "${command.join(' ')}" timed out`;
    throw refused('CRI_DEADLINE', why, 'RuntimeService/ExecSync');
  }
  const encoder = new TextEncoder();
  return {
    stdout: encoder.encode(answer.stdout ?? ''),
    stderr: encoder.encode(answer.stderr ?? ''),
    exitCode: answer.exitCode ?? 0,
  };
}

/** The exit of a command whose container ends: by SIGKILL. */
function killedWith(life: AbortSignal): Promise<ExecAnswer> {
  return new Promise((resolve) => {
    life.addEventListener('abort', () => resolve({ exitCode: 137 }), { once: true });
  });
}
