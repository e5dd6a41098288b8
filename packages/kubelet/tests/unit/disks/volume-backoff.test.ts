import { ManualClock } from '@nodeagent/base/testing';
import { describe, expect, it } from 'vitest';

import { VolumeBackoff } from '../../../src/disks/run/index.js';
import { VolumeError } from '../../../src/volumes/index.js';

const forever = new AbortController().signal;
const MOUNT = { volume: 'v', operation: 'volume_mount' };
const fail = (): Promise<never> => Promise.reject(new Error('no'));

describe(VolumeBackoff, () => {
  it('waits twice as long after each failure, at most 2m2s', async () => {
    const clock = new ManualClock();
    const backoff = new VolumeBackoff(clock);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await expect(backoff.attempt(MOUNT, fail, forever)).rejects.toThrow('no');
      waits.push(backoff.waitMs(MOUNT));
      await clock.advance(backoff.waitMs(MOUNT));
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 122_000, 122_000]);
  });

  it('holds the operation back with the last failure and its step', async () => {
    const backoff = new VolumeBackoff(new ManualClock());
    const step = { operation: 'MountVolume', name: 'MountDevice', volume: 'pv' } as const;
    const cause = new VolumeError('VOLUME_MOUNT', 'no', { step });
    await expect(backoff.attempt(MOUNT, () => Promise.reject(cause), forever)).rejects.toBe(cause);
    const held = backoff.attempt(MOUNT, () => Promise.reject(new Error('called')), forever);
    await expect(held).rejects.toMatchObject({
      code: 'VOLUME_PENDING',
      message: 'no',
      cause,
      step,
    });
  });

  it('knows each volume by itself, and starts over for another operation', async () => {
    const backoff = new VolumeBackoff(new ManualClock());
    await expect(backoff.attempt(MOUNT, fail, forever)).rejects.toThrow('no');
    expect(await backoff.attempt({ ...MOUNT, volume: 'w' }, async () => 'w', forever)).toBe('w');
    const unmount = { ...MOUNT, operation: 'unmount_device' };
    await expect(backoff.attempt(unmount, fail, forever)).rejects.toThrow('no');
    expect(backoff.waitMs(unmount)).toBe(500);
    expect(await backoff.attempt(MOUNT, async () => 'v', forever)).toBe('v');
    expect(backoff.isFailing(unmount)).toBe(false);
  });

  it.each(['VOLUME_PENDING', 'VOLUME_LIMIT'] as const)('does not count %s', async (code) => {
    const backoff = new VolumeBackoff(new ManualClock());
    const error = new VolumeError(code, 'elsewhere');
    await expect(backoff.attempt(MOUNT, () => Promise.reject(error), forever)).rejects.toBe(error);
    expect(backoff.isFailing(MOUNT)).toBe(false);
  });

  it('does not count work that was cut off', async () => {
    const backoff = new VolumeBackoff(new ManualClock());
    await expect(backoff.attempt(MOUNT, fail, AbortSignal.abort())).rejects.toThrow('no');
    expect(backoff.isFailing(MOUNT)).toBe(false);
  });
});
