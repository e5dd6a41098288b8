import type { Clock } from '@nodeagent/base';
import { type CommandRunner, isNetfilterError } from '@nodeagent/netfilter';
import { isNetlinkError } from '@nodeagent/netlink-codec';

import type { OpenNetlink } from '../ports.js';

const NOTHING_THERE = /No such file or directory|Operation not supported|Protocol not supported/;

export interface CleanupNftablesOptions {
  readonly commands: CommandRunner;
  readonly clock?: Clock;
  /** Needs `clock`. */
  readonly openNetlink?: OpenNetlink;
}

/**
 * Removes the tables of nftables mode, for both families: over netlink, or with the `nft` program.
 * A machine without either has no such tables.
 *
 * @returns the failures
 */
export async function cleanupNftables(
  { commands, clock, openNetlink }: CleanupNftablesOptions,
  signal: AbortSignal,
): Promise<readonly Error[]> {
  const failures: Error[] = [];
  for (const family of ['ip', 'ip6'] as const) {
    try {
      const isDone =
        openNetlink !== undefined &&
        clock !== undefined &&
        (await deleteOverNetlink({ openNetlink, clock }, family, signal));
      if (!isDone) await deleteByProgram(commands, family, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isNetfilterError(error, 'NETFILTER_COMMAND_MISSING')) return failures;
      failures.push(error as Error);
    }
  }
  return failures;
}

/** @returns false when there is no netlink, or no nf_tables in the kernel */
async function deleteOverNetlink(
  by: Readonly<{ openNetlink: OpenNetlink; clock: Clock }>,
  family: 'ip' | 'ip6',
  signal: AbortSignal,
): Promise<boolean> {
  const { deleteNftTable } = await import('./nftables/delete-table.js');
  try {
    await deleteNftTable(by, family, signal);
    return true;
  } catch (error) {
    if (isNetlinkError(error, 'NETLINK_ADDON_MISSING')) return false;
    if (isNetfilterError(error, 'NETFILTER_REFUSED')) return false;
    throw error;
  }
}

async function deleteByProgram(
  commands: CommandRunner,
  family: 'ip' | 'ip6',
  signal: AbortSignal,
): Promise<void> {
  const argv = ['nft', 'delete', 'table', family, 'kube-proxy'] as const;
  const { exitCode, stderr } = await commands.run({ argv }, signal);
  if (exitCode !== 0 && !NOTHING_THERE.test(stderr)) {
    throw new Error(`${argv.join(' ')}: ${stderr.trim()}`);
  }
}
