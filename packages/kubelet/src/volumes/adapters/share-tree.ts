import { open, readFile } from 'node:fs/promises';

import { parseMountinfo } from '@nodeagent/base';

import { mountOf, mountsBelow } from '../plan/mount-of.js';

type Run = (command: readonly string[], signal: AbortSignal) => Promise<void>;

/**
 * Makes a directory a shared mount: binds it onto itself unless it already is a mount point.
 *
 * Existing mounts below it appear in the new mount too, and are removed from the old one. There
 * they would be hidden, so that nobody could unmount them or remove their directories. An open
 * directory still leads to them.
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
      // Made private first, or its copy in the new place would be unmounted too.
      await run(['mount', '--no-canonicalize', '--make-private', hidden], signal);
      await run(['umount', '--no-canonicalize', '--lazy', hidden], signal);
    }
  } finally {
    await old.close();
  }
}
