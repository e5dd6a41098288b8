import { describe, expect, it } from 'vitest';

import type { CommandOutcome } from '../../../src/disks/ports.js';
import { MountCommands } from '../../../src/disks/run/index.js';

const forever = new AbortController().signal;
const done = (output = ''): CommandOutcome => ({ exitCode: 0, output });
const request = { source: '/dev/d', target: '/t', fsType: 'ext4' };

/** A machine whose programs answer in turn by name; others succeed. */
function aMachine(answers: Readonly<Record<string, CommandOutcome>>) {
  const ran: string[] = [];
  const mounts = new MountCommands({
    commands: {
      run: async (argv) => {
        ran.push(argv.join(' '));
        return answers[argv[0]] ?? done();
      },
    },
    files: { kindOf: async () => 'directory', realPath: async (path) => path },
    mounter: { list: async () => [] },
  });
  return { mounts, ran };
}

describe('a device that is mounted', () => {
  it('gets a file system if it has none', async () => {
    const { mounts, ran } = aMachine({ blkid: { exitCode: 2, output: '' } });
    await mounts.formatAndMount({ ...request, options: [] }, forever);
    expect(ran.slice(1)).toEqual([
      'mkfs.ext4 -F -m0 /dev/d',
      'mount -t ext4 -o defaults /dev/d /t',
    ]);
  });

  it('is checked, not formatted, if it has one', async () => {
    const { mounts, ran } = aMachine({ blkid: done('TYPE=ext4\n') });
    await mounts.formatAndMount({ ...request, options: [] }, forever);
    expect(ran.slice(1)).toEqual(['fsck -a /dev/d', 'mount -t ext4 -o defaults /dev/d /t']);
  });

  it('is known to have another file system if it cannot be mounted as the one that is wanted', async () => {
    const mount = { exitCode: 32, output: 'wrong fs type' };
    const other = aMachine({ blkid: done('TYPE=xfs\n'), mount }).mounts;
    const own = aMachine({ blkid: done('TYPE=ext4\n'), mount }).mounts;
    const codes = [other, own].map((mounts) =>
      mounts.formatAndMount({ ...request, options: [] }, forever).catch((error: unknown) => error),
    );
    expect(await Promise.all(codes)).toMatchObject([
      { code: 'VOLUME_FORMAT' },
      { code: 'VOLUME_MOUNT' },
    ]);
  });

  it('is not mounted with errors that cannot be corrected', async () => {
    const fsck = { exitCode: 4, output: 'inode 7' };
    const { mounts, ran } = aMachine({ blkid: done('TYPE=ext4\n'), fsck });
    const work = mounts.formatAndMount({ ...request, options: [] }, forever);
    await expect(work).rejects.toThrow("'fsck' found errors on device /dev/d");
    expect(ran).toHaveLength(2);
  });

  it('is neither checked nor formatted read-only', async () => {
    const { mounts, ran } = aMachine({ blkid: done('TYPE=ext4\n') });
    await mounts.formatAndMount({ ...request, options: ['ro'] }, forever);
    expect(ran.slice(1)).toEqual(['mount -t ext4 -o ro,defaults /dev/d /t']);
    const empty = aMachine({ blkid: { exitCode: 2, output: '' } });
    const work = empty.mounts.formatAndMount({ ...request, options: ['ro'] }, forever);
    await expect(work).rejects.toThrow('cannot mount unformatted disk /dev/d');
    expect(empty.ran).toHaveLength(1);
  });
});
