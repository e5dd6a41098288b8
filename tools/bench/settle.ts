import { run } from '../test/process.ts';

/** @see Linux fs/ext4/ialloc.c, RECENTCY_MIN */
const RECENT_MS = 61_000;

/**
 * Waits until files that were removed are forgotten: for a minute after it is on the disk, ext4 without
 * a journal keeps away from the place of each, and whoever makes files meanwhile pays for looking for
 * others. After a hundred pods were removed that was 7 % of the CPU time of starting a hundred.
 */
export async function settleDisk(): Promise<void> {
  const { exitCode, output } = await run(['sync']);
  if (exitCode !== 0) throw new Error(output);
  await new Promise((resolve) => setTimeout(resolve, RECENT_MS));
}
