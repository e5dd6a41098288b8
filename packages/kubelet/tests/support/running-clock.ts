import type { Clock } from '@nodeagent/base';
import { ManualClock } from '@nodeagent/base/testing';

/** A clock that passes a tenth of a second whenever nothing else is to be done. */
export function startRunningClock(): Readonly<{ clock: Clock; stop(): void }> {
  const clock = new ManualClock();
  let isRunning = true;
  const tick = (): void => {
    if (!isRunning) return;
    setImmediate(() => void clock.advance(100).then(tick));
  };
  tick();
  return { clock, stop: () => void (isRunning = false) };
}
