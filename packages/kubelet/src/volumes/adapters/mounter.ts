import { readFile, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { dirname } from 'node:path';

import { parseMountinfo } from '@nodeagent/base';

import { messageOf } from '../../pod/index.js';
import { VolumeError } from '../model/errors.js';
import type { Mounter } from '../ports.js';
import { CommandHelper } from './command-helper.js';
import { shareTree } from './share-tree.js';

/** Uses the mount and umount of util-linux: Node.js has neither system call. */
export function createMounter(): Mounter {
  const helper = new CommandHelper();
  const run = async (command: readonly string[], signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    const what = command.join(' ');
    const { exitCode, output } = await helper.run(command).catch((cause: unknown) => {
      throw new VolumeError('VOLUME_MOUNT', `${what}: ${messageOf(cause)}`, { cause });
    });
    if (exitCode === 0) return;
    throw new VolumeError('VOLUME_MOUNT', `${what}: ${output || `exit code ${exitCode}`}`);
  };
  const swapOptions = hasNoswap(release()) ? ['noswap'] : [];
  return {
    mountTmpfs: (path, { sizeBytes, mode }, signal) => {
      const asked = [
        ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`]),
        ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
      ];
      const options = flags(...asked, ...swapOptions);
      return run(['mount', '-t', 'tmpfs', ...options, 'tmpfs', path], signal);
    },
    mountHugepages: (path, { pageBytes }, signal) =>
      run(['mount', '-t', 'hugetlbfs', ...flags(`pagesize=${pageBytes}`), 'nodev', path], signal),
    bind: (source, target, signal) =>
      run(['mount', '--no-canonicalize', '--bind', source, target], signal),
    share: (dir, signal) => shareTree(dir, run, signal),
    unmount: async (path, signal) => {
      try {
        await run(['umount', '--no-canonicalize', path], signal);
      } catch (error) {
        const still = parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'));
        if (still.some((mount) => mount.path === path)) throw error;
      }
    },
    // Two system calls; the whole mount table has hundreds of lines on a full node.
    isMountPoint: async (path) => (await stat(path)).dev !== (await stat(dirname(path))).dev,
    list: async () => parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8')),
  };
}

function flags(...options: readonly string[]): readonly string[] {
  return options.length === 0 ? [] : ['-o', options.join(',')];
}

/**
 * tmpfs supports `noswap`, which keeps content off the disk.
 *
 * @see tmpfs(5): since Linux 6.4
 */
function hasNoswap(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 4);
}
