import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { TestbedError } from './errors.ts';

/**
 * Performs a task while no other process of this machine holds the lock of the file. The kernel
 * releases the lock when this process ends in any way.
 *
 * @throws {TestbedError} `TESTBED_COMMAND_FAILED` when the file cannot be locked
 */
export async function withFileLock<T>(path: string, task: () => Promise<T>): Promise<T> {
  const holder = spawn('flock', [path, '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'exit');
  const [first] = (await Promise.race([once(holder.stdout, 'data'), ended])) as [unknown];
  if (!Buffer.isBuffer(first)) {
    throw new TestbedError('TESTBED_COMMAND_FAILED', `${path} cannot be locked`);
  }
  try {
    return await task();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
