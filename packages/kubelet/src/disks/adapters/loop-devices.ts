import { execFile } from 'node:child_process';
import { readdir, realpath } from 'node:fs/promises';

import { readForeignText } from '@nodeagent/base/files';

import { VolumeError } from '../../volumes/index.js';
import type { LoopDevices } from '../ports.js';

/** Generous for losetup(8), which only waits for the kernel. */
const TIMEOUT_MS = 60_000;

/**
 * Loop devices by losetup(8) of util-linux, found by sysfs.
 *
 * @see Kubernetes 1.36 pkg/volume/util/volumepathhandler/volume_path_handler_linux.go
 */
export function createLoopDevices(): LoopDevices {
  return {
    attach: async (path) => {
      const found = await loopOf(path);
      if (found !== undefined) return found;
      await losetup(['-f', path]);
      const made = await loopOf(path);
      if (made !== undefined) return made;
      throw new VolumeError('VOLUME_MOUNT', `losetup -f ${path}: no loop device shows ${path}`);
    },
    detach: async (path) => {
      const found = await loopOf(path);
      if (found !== undefined) await losetup(['-d', found]);
    },
  };
}

async function loopOf(path: string): Promise<string | undefined> {
  const real = await realpath(path).catch(ifMissing);
  const names = (await readdir('/sys/block')).filter((name) => name.startsWith('loop'));
  for (const name of names) {
    const place = `/sys/block/${name}/loop/backing_file`;
    const file = await readForeignText(place, { links: 'refused', limitBytes: 8192 });
    const backing = file?.trim().replace(/ ?\(deleted\)$/, '');
    if (backing !== undefined && (backing === path || backing === real)) return `/dev/${name}`;
  }
  return undefined;
}

function losetup(argv: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('losetup', argv, { timeout: TIMEOUT_MS }, (error, _, stderr) => {
      if (error === null) return resolve();
      const said = stderr.trim() === '' ? error.message : stderr.trim();
      const text = `losetup ${argv.join(' ')}: ${said}`;
      reject(new VolumeError('VOLUME_MOUNT', text, { cause: error }));
    });
  });
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
