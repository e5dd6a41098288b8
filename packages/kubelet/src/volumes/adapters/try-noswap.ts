import { Buffer } from 'node:buffer';
import { release } from 'node:os';

import { readKernelText } from '@nodeagent/base/files';

import { tmpfsNoswap } from '../plan/tmpfs-noswap.js';
import type { CommandHelper } from './command-helper.js';

/** Enough for the 340 lines that a map may have. @see user_namespaces(7) */
const UID_MAP_BYTES = 16_384;

/** Tells whether a tmpfs of this process can be kept out of the swap. */
export async function hasNoswap(helper: Pick<CommandHelper, 'run'>): Promise<boolean> {
  const uidMap = readKernelText('/proc/self/uid_map', Buffer.alloc(UID_MAP_BYTES));
  const answer = tmpfsNoswap(release(), uidMap);
  return answer === 'unknown' ? tryNoswap(helper) : answer === 'yes';
}

/** Mounts a tmpfs that nobody sees, and that goes with the program that mounts it. */
export async function tryNoswap(helper: Pick<CommandHelper, 'run'>): Promise<boolean> {
  const mount = ['mount', '-t', 'tmpfs', '-o', 'noswap', 'tmpfs', '/'];
  return (await helper.run(['unshare', '--mount', ...mount])).exitCode === 0;
}
