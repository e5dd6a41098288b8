import { spawn } from 'node:child_process';
import { constants } from 'node:os';

import { lackOfPipes } from '@nodeagent/base/system';

import { DETAIL_LIMIT_BYTES } from '../model/result.js';
import type { ExecResult, ExecRunner } from '../ports.js';

/**
 * Runs the commands of exec probes on this machine, without a shell, in a process group that is
 * killed as a whole when the time is over. The output is both streams in the order of arrival.
 */
export function createLocalCommands(): ExecRunner {
  return {
    run: ({ command: [program = '', ...args], timeoutMs }, signal) =>
      new Promise<ExecResult>((resolve, reject) => {
        signal.throwIfAborted();
        const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
        const lack = lackOfPipes(child);
        if (lack !== undefined) {
          void lack.then(reject);
          return;
        }
        const kept: Buffer[] = [];
        let size = 0;
        let late = false;
        const take = (chunk: Buffer): void => {
          if (size < DETAIL_LIMIT_BYTES) kept.push(chunk);
          size += chunk.length;
        };
        const abort = (): void => {
          killGroup(child.pid);
          // a program that has left the group may still hold them
          child.stdout.destroy();
          child.stderr.destroy();
        };
        const timer = setTimeout(() => {
          late = true;
          abort();
        }, timeoutMs);
        signal.addEventListener('abort', abort, { once: true });
        const end = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', abort);
        };
        child.stdout.on('data', take);
        child.stderr.on('data', take);
        child.once('error', (error) => {
          end();
          reject(error);
        });
        child.once('close', (code, killedBy) => {
          end();
          if (signal.aborted) reject(signal.reason as Error);
          else if (late) resolve({ kind: 'timed-out' });
          else {
            const output = Buffer.concat(kept).toString();
            resolve({ kind: 'exited', exitCode: code ?? exitCodeOf(killedBy), output });
          }
        });
      }),
  };
}

/** The exit code that shells report for a command that a signal ended. */
function exitCodeOf(signal: NodeJS.Signals | null): number {
  return 128 + (signal === null ? 0 : constants.signals[signal]);
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has ended already
  }
}
