import { open, readFile } from 'node:fs/promises';

import { parseMountinfo } from '@nodeagent/base';

import { mountOf, mountsBelow } from '../plan/mount-of.js';

type Run = (command: readonly string[], signal: AbortSignal) => Promise<void>;

/**
 * Makes a directory a shared mount: mounted onto itself unless something is mounted there already.
 *
 * What is mounted below it already is shown in the new mount too, and taken off the old one. There it
 * would be hidden, so that nobody could unmount it any more, and no directory that it is on could be
 * removed. An open directory still leads to it.
 */
export async function shareTree(dir: string, run: Run, signal: AbortSignal): Promise<void> {
  const mounts = parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'));
  if (mountOf(mounts, dir)?.path === dir) {
    await run(['mount', '--make-rshared', dir], signal);
    return;
  }
  const below = mountsBelow(mounts, dir);
  const old = await open(dir, 'r');
  try {
    await run(['mount', '--rbind', dir, dir], signal);
    await run(['mount', '--make-rshared', dir], signal);
    for (const path of below.toReversed()) {
      const hidden = `/proc/${process.pid}/fd/${old.fd}${path.slice(dir.length)}`;
      // Alone, lest the same mount in the new place goes too.
      await run(['mount', '--no-canonicalize', '--make-private', hidden], signal);
      await run(['umount', '--no-canonicalize', '--lazy', hidden], signal);
    }
  } finally {
    await old.close();
  }
}
