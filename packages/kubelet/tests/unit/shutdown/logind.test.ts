import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { type DbusCall, LastingDbus } from '@nodeagent/dbus';
import { type MemoryAnswer, MemoryBus } from '@nodeagent/dbus/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createLogind } from '../../../src/shutdown/adapters/logind.js';

const LOGIND = 'org.freedesktop.login1';

/** A machine's logind that a test plays. */
class PlayedLogind {
  isPreparing: unknown = false;
  readonly bus = new MemoryBus({
    owners: { [LOGIND]: ':1.1' },
    onCall: (call) => this.#answer(call),
  });

  /** Says that a shutdown begins or was cancelled, to those who listen. */
  tell(isShuttingDown: boolean): void {
    this.isPreparing = isShuttingDown;
    this.bus.emit({
      sender: LOGIND,
      path: '/org/freedesktop/login1',
      interface: `${LOGIND}.Manager`,
      member: 'PrepareForShutdown',
      signature: 'b',
      body: [isShuttingDown],
    });
  }

  #answer({ body = [] }: DbusCall): MemoryAnswer {
    expect(body).toEqual([`${LOGIND}.Manager`, 'PreparingForShutdown']);
    const value = this.isPreparing;
    const variant =
      typeof value === 'boolean' ? { signature: 'b', value } : { signature: 's', value: 'strange' };
    return { signature: 'v', body: [variant] };
  }
}

let stop = new AbortController();
beforeEach(() => {
  stop = new AbortController();
});
afterEach(() => stop.abort());

describe('follow', () => {
  const start = (
    logind: PlayedLogind,
  ): Readonly<{
    heard: boolean[];
    clock: ManualClock;
    log: MemoryLogger;
    onReady: () => void;
    ended: Promise<void>;
  }> => {
    const clock = new ManualClock();
    const log = new MemoryLogger();
    const dbus = new LastingDbus({ open: () => logind.bus.open(), clock });
    const heard: boolean[] = [];
    const onReady = vi.fn();
    const watch = createLogind({ clock, log, dbus });
    const ended = watch.follow(
      (isShuttingDown) => heard.push(isShuttingDown),
      onReady,
      stop.signal,
    );
    return { heard, clock, log, onReady, ended };
  };

  it('tells each change once', async () => {
    const logind = new PlayedLogind();
    const { heard, onReady } = start(logind);
    await vi.waitFor(() => expect(onReady).toHaveBeenCalled());
    logind.tell(true);
    logind.tell(false);
    expect(heard).toEqual([true, false]);
  });

  it('tells of a shutdown that had begun before', async () => {
    const logind = new PlayedLogind();
    logind.isPreparing = true;
    const { heard, onReady } = start(logind);
    await vi.waitFor(() => expect(onReady).toHaveBeenCalled());
    expect(heard).toEqual([true]);
  });

  it('tells of a shutdown that began while there was no connection', async () => {
    const logind = new PlayedLogind();
    const { heard, clock, onReady } = start(logind);
    await vi.waitFor(() => expect(onReady).toHaveBeenCalled());
    logind.bus.drop();
    logind.isPreparing = true;
    await vi.waitFor(async () => {
      await clock.advance(1000);
      expect(heard).toEqual([true]);
    });
    expect(logind.bus.opened).toBe(2);
  });

  it('says nothing anew after a connection without news', async () => {
    const logind = new PlayedLogind();
    const { heard, clock, onReady } = start(logind);
    await vi.waitFor(() => expect(onReady).toHaveBeenCalled());
    logind.tell(true);
    logind.bus.drop();
    await vi.waitFor(async () => {
      await clock.advance(1000);
      expect(logind.bus.opened).toBe(2);
    });
    logind.tell(false);
    await vi.waitFor(() => expect(heard).toEqual([true, false]));
  });

  it('fails on a strange answer, so that its caller tries again', async () => {
    const logind = new PlayedLogind();
    logind.isPreparing = 'strange';
    const { ended } = start(logind);
    await expect(ended).rejects.toThrow('PreparingForShutdown from logind is not a boolean');
  });
});
