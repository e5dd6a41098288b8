import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import { VolumeBackoff } from '../../../src/disks/run/index.js';
import { Releases } from '../../../src/storage/run/releases.js';

const volumeOf = (volumeHandle: string) => ({ driver: 'd', volumeHandle, device: undefined });

it('a driver that hangs holds up neither the end of a pod for long nor another volume', async () => {
  const clock = new ManualClock();
  const gone: string[] = [];
  const actual = { staged: () => [], users: () => [] };
  const backoff = new VolumeBackoff(clock);
  const onGone = (name: string): void => void gone.push(name);
  const releases = new Releases({ actual, backoff, onGone, clock, log: new MemoryLogger() });
  const stop = new AbortController();
  const running = releases.run(
    async () => undefined,
    async () => undefined,
    stop.signal,
  );
  const answer = Promise.withResolvers<undefined>();
  const pod = new AbortController();
  let seen: AbortSignal | undefined;
  const hangs = async (signal: AbortSignal): Promise<void> => {
    seen = signal;
    await answer.promise;
  };
  let isOver = false;
  const held = releases.release(volumeOf('held'), hangs, pod.signal).then(() => (isOver = true));
  await releases.release(volumeOf('other'), async () => undefined, pod.signal);
  expect(gone).toEqual(['kubernetes.io/csi/d^other']);
  expect(isOver).toBe(false);
  await clock.advance(2000);
  await held;
  pod.abort(); // the pod has ended: the call goes on
  expect(seen?.aborted).toBe(false);
  stop.abort();
  expect(seen?.aborted).toBe(true);
  answer.resolve(undefined);
  await running;
  expect(gone).toEqual(['kubernetes.io/csi/d^other', 'kubernetes.io/csi/d^held']);
});
