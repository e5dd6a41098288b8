import { run } from '../test/process.ts';

/** @see Linux fs/ext4/ialloc.c, RECENTCY_MIN */
const RECENT_MS = 61_000;

/**
 * Waits until ext4 may reuse the inodes of removed files. For a minute after a removal has reached
 * the disk, ext4 without a journal avoids the inode, and creating files costs more because it
 * searches for others. After the removal of a hundred pods, that was 7 % of the CPU time of
 * starting a hundred.
 */
export async function settleDisk(): Promise<void> {
  const { exitCode, output } = await run(['sync']);
  if (exitCode !== 0) throw new Error(output);
  await new Promise((resolve) => setTimeout(resolve, RECENT_MS));
}
