import { describe, expect, it } from 'vitest';

import { watchdogTimeoutMs } from '../../src/plan/watchdog.js';

describe(watchdogTimeoutMs, () => {
  it.each([
    { env: {}, timeoutMs: undefined },
    { env: { WATCHDOG_USEC: '' }, timeoutMs: undefined },
    { env: { WATCHDOG_USEC: '3000000' }, timeoutMs: 3000 },
    { env: { WATCHDOG_USEC: '3000000', WATCHDOG_PID: '7' }, timeoutMs: 3000 },
    { env: { WATCHDOG_USEC: '3000000', WATCHDOG_PID: '8' }, timeoutMs: undefined },
  ])('is $timeoutMs for $env', ({ env, timeoutMs }) => {
    expect(watchdogTimeoutMs(env, 7)).toBe(timeoutMs);
  });

  it.each([
    { env: { WATCHDOG_USEC: '3s' }, field: 'WATCHDOG_USEC', message: 'must be a positive number' },
    { env: { WATCHDOG_USEC: '0' }, field: 'WATCHDOG_USEC', message: 'must be a positive number' },
    {
      env: { WATCHDOG_USEC: '3000000', WATCHDOG_PID: 'me' },
      field: 'WATCHDOG_PID',
      message: 'must be a positive number',
    },
    {
      env: { WATCHDOG_USEC: '1000000' },
      field: 'WATCHDOG_USEC',
      message: 'must be more than one second',
    },
  ])('refuses $env', ({ env, field, message }) => {
    expect(() => watchdogTimeoutMs(env, 7)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', problems: [{ field, message }] }),
    );
  });
});
