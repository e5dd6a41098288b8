import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { neededLibraries, netlinkAddonOf, withoutGlibcLoader } from '../../netlink-addon.ts';

describe('the add-on as it is published', () => {
  /** musl takes libc and libpthread for itself; the others are beside Node.js on such systems. */
  const EVERYWHERE = ['libstdc++.so.6', 'libgcc_s.so.1', 'libpthread.so.0', 'libc.so.6'];

  it.each(['x64', 'arm64'])('needs no library of glibc alone on %s', (machine) => {
    const original = readFileSync(netlinkAddonOf(machine));
    const published = withoutGlibcLoader(original);
    expect(neededLibraries(published)).toEqual(EVERYWHERE);
    expect(published).toHaveLength(original.length);
  });
});
