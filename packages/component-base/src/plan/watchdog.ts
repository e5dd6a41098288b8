import { ConfigError } from '../model/errors.js';

/** At this time-out or below, the signs of life of a busy agent would come too late. */
const LEAST_MS = 1000;

/**
 * Reads how long systemd waits for a sign of life, from the environment of a service.
 *
 * @param pid of this process: the variables may be meant for another one
 * @returns undefined without a watchdog
 * @throws {ConfigError} `CONFIG_INVALID` on values that cannot be honoured
 * @see systemd sd_watchdog_enabled(3); Kubernetes 1.36 pkg/kubelet/watchdog/watchdog_linux.go
 */
export function watchdogTimeoutMs(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): number | undefined {
  const period = env['WATCHDOG_USEC'] ?? '';
  if (period === '') return undefined;
  const timeoutMs = positive('WATCHDOG_USEC', period) / 1000;
  const meant = env['WATCHDOG_PID'] ?? '';
  if (meant !== '' && positive('WATCHDOG_PID', meant) !== pid) return undefined;
  if (timeoutMs <= LEAST_MS) throw invalid('WATCHDOG_USEC', 'must be more than one second');
  return timeoutMs;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text) || value === 0) throw invalid(name, 'must be a positive number');
  return value;
}

function invalid(field: string, message: string): ConfigError {
  return new ConfigError('CONFIG_INVALID', {
    source: 'environment',
    problems: [{ field, message }],
  });
}
