import { execFile } from 'node:child_process';

import type { Logger } from '@nodeagent/base';

const TIMEOUT_MS = 10_000;

/**
 * Sets the number of files that this process may have open, by prlimit(1): Node.js has no call for
 * it. A refusal is only logged: the process keeps the limit that it was started with.
 */
export async function limitOpenFiles(count: number, log: Logger): Promise<void> {
  const argv = ['--pid', String(process.pid), `--nofile=${count}:${count}`];
  const problem = await new Promise<string | undefined>((resolve) => {
    execFile('prlimit', argv, { encoding: 'utf8', timeout: TIMEOUT_MS }, (error, _, stderr) => {
      resolve(error === null ? undefined : stderr.trim() || error.message);
    });
  });
  if (problem !== undefined)
    log.warn({ problem, maxOpenFiles: count }, 'cannot set the limit of open files');
}
