import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { describe, expect, it } from 'vitest';

import type { ServiceManager } from '../../src/ports.js';
import { tellServiceManager } from '../../src/run/tell-service-manager.js';

function start({ watchdogMs }: Pick<ServiceManager, 'watchdogMs'>) {
  const clock = new ManualClock();
  const log = new MemoryLogger();
  const heard: string[] = [];
  const state = { problem: undefined as string | undefined, failures: 0 };
  const manager: ServiceManager = {
    watchdogMs,
    notify: async (message) => {
      await Promise.resolve();
      if (state.failures > 0) {
        state.failures -= 1;
        throw new Error('nobody listens');
      }
      heard.push(message);
    },
  };
  const ending = new AbortController();
  const run = () =>
    tellServiceManager({ manager, problem: () => state.problem, clock, log }, ending.signal);
  return { clock, log, heard, state, ending, run };
}

describe(tellServiceManager, () => {
  it('tells of start and end', async () => {
    const { clock, heard, ending, run } = start({ watchdogMs: undefined });
    const done = run();
    await clock.advance(3_600_000);
    expect(heard).toEqual(['READY=1']);
    ending.abort();
    await done;
    expect(heard).toEqual(['READY=1', 'STOPPING=1']);
  });

  it('gives a sign of life at half of the time-out, from the start on', async () => {
    const { clock, heard, ending, run } = start({ watchdogMs: 10_000 });
    const done = run();
    await clock.advance(4999);
    expect(heard).toEqual(['READY=1', 'WATCHDOG=1']);
    await clock.advance(1);
    expect(heard).toEqual(['READY=1', 'WATCHDOG=1', 'WATCHDOG=1']);
    ending.abort();
    await done;
    expect(heard.at(-1)).toBe('STOPPING=1');
  });

  it('gives no sign of life while the agent is unhealthy', async () => {
    const { clock, log, heard, state, ending, run } = start({ watchdogMs: 10_000 });
    state.problem = 'stuck';
    const done = run();
    await clock.advance(60_000);
    expect(heard).toEqual(['READY=1']);
    expect(log.lines[0]).toMatchObject({ level: 'warn', fields: { problem: 'stuck' } });
    state.problem = undefined;
    await clock.advance(5000);
    expect(heard).toEqual(['READY=1', 'WATCHDOG=1']);
    ending.abort();
    await done;
  });

  it('sends a lost message once more', async () => {
    const { clock, heard, state, ending, run } = start({ watchdogMs: undefined });
    state.failures = 1;
    const done = run();
    await clock.advance(1000);
    expect(heard).toEqual(['READY=1']);
    ending.abort();
    await done;
  });

  it('warns once when the manager cannot be told, and goes on', async () => {
    const { clock, log, heard, state, ending, run } = start({ watchdogMs: 10_000 });
    state.failures = 4;
    const done = run();
    await clock.advance(10_000);
    expect(log.lines.map(({ message }) => message)).toEqual(['the service manager cannot be told']);
    expect(heard).toEqual(['WATCHDOG=1']);
    ending.abort();
    await done;
  });
});
