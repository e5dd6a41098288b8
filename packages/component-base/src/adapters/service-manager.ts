import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { watchdogTimeoutMs } from '../plan/watchdog.js';
import type { ServiceManager } from '../ports.js';

/** A manager takes messages at once, unless the whole machine stands still. */
const PATIENCE_MS = 5000;
const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'];

/**
 * Finds systemd, if it started this process and wants to hear from it. Removes the variables that
 * say so from the environment, so that no child speaks for this process.
 *
 * Node.js has no datagram sockets of the kind that systemd listens on. Its own program
 * `systemd-notify` sends in the name of its parent, this process, where that has the rights, and
 * else in its own name: such units need `NotifyAccess=all`.
 *
 * @returns undefined without a manager that listens
 * @throws {ConfigError} `CONFIG_INVALID` if the watchdog is set in a way that cannot be honoured
 */
export function takeServiceManager(
  env: NodeJS.ProcessEnv = process.env,
): ServiceManager | undefined {
  const socket = env['NOTIFY_SOCKET'] ?? '';
  const watchdogMs = watchdogTimeoutMs(env, process.pid);
  for (const name of VARIABLES) Reflect.deleteProperty(env, name);
  if (socket === '') return undefined;
  const send = promisify(execFile);
  return {
    watchdogMs,
    notify: async (state) => {
      const around = { env: { ...env, NOTIFY_SOCKET: socket }, timeout: PATIENCE_MS };
      await send('systemd-notify', [state], around);
    },
  };
}
