import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { parseMountinfo } from '@nodeagent/base';

import { messageOf } from '../../pod/index.js';
import { VolumeError } from '../model/errors.js';
import type { Mounter } from '../ports.js';
import { CommandHelper, type CommandOutcome } from './command-helper.js';
import { shareTree } from './share-tree.js';
import { hasNoswap } from './try-noswap.js';

/** Uses the mount and umount of util-linux: Node.js has neither system call. */
export function createMounter(): Mounter {
  const helper = new CommandHelper();
  const attempt = (command: readonly string[]): Promise<CommandOutcome> =>
    helper.run(command).catch((cause: unknown) => {
      const text = `${command.join(' ')}: ${messageOf(cause)}`;
      throw new VolumeError('VOLUME_MOUNT', text, { cause });
    });
  const run = async (command: readonly string[], signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    const { exitCode, output } = await attempt(command);
    if (exitCode === 0) return;
    const text = `${command.join(' ')}: ${output || `exit code ${exitCode}`}`;
    throw new VolumeError('VOLUME_MOUNT', text);
  };
  let found: boolean | undefined;
  const avoidsSwap = async (): Promise<boolean> => (found ??= await hasNoswap({ run: attempt }));
  return {
    avoidsSwap,
    mountTmpfs: async (path, { sizeBytes, mode }, signal) => {
      const asked = [
        ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`]),
        ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
        ...((await avoidsSwap()) ? ['noswap'] : []),
      ];
      await run(['mount', '-t', 'tmpfs', ...flags(...asked), 'tmpfs', path], signal);
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
