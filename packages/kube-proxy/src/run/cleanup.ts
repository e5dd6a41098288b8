import type { Clock, Logger } from '@nodeagent/base';
import {
  type CommandRunner,
  hasLegacyTables,
  isNetfilterError,
  probeIptables,
} from '@nodeagent/netfilter';

import { IP_FAMILIES } from '../model/address.js';
import type { ProxyMode } from '../model/config.js';
import { ProxyError } from '../model/errors.js';
import type { OpenNetlink } from '../ports.js';
import { cleanupNftables } from './cleanup-nftables.js';
import { cleanupIptables } from './iptables/cleanup.js';
import { cleanupIpvsKernel, cleanupIpvsRules } from './ipvs/cleanup.js';
import { createNetlinkAccess } from './ipvs/netlink-access.js';

/** The ways to the kernel's rules of every mode. */
export interface CleanupOptions {
  readonly commands: CommandRunner;
  readonly clock?: Clock;
  /** When absent, the nft program is used, and ipvs objects other than rules stay. */
  readonly openNetlink?: OpenNetlink;
  readonly log: Logger;
}

/**
 * Called once our own rules are in force: removes objects of other modes that are certainly not in
 * use. Failures are only logged. Chains that other modes share with iptables mode stay where they
 * might be in use.
 *
 * @see Kubernetes 1.36 cmd/kube-proxy/app/server_linux.go, platformCleanup
 */
export async function cleanupOtherModes(
  options: CleanupOptions,
  mode: ProxyMode,
  signal: AbortSignal,
): Promise<void> {
  const { log } = options;
  if (mode !== 'nftables') {
    for (const error of await cleanupNftables(options, signal)) {
      log.warn({ err: error }, 'rules of nftables mode may still exist');
    }
    return;
  }
  const { failures } = await cleanupAllIptables(options, signal);
  for (const error of failures) {
    log.warn({ err: error }, 'rules of iptables mode may still exist');
  }
  for (const error of await cleanupIpvs(options, signal)) {
    log.warn({ err: error }, 'virtual servers of ipvs mode may still exist');
  }
}

/**
 * Removes everything that any mode of the proxy leaves in the kernel, in both kinds of iptables.
 *
 * @throws {ProxyError} `PROXY_CLEANUP` with all failures
 */
export async function cleanupEverything(
  options: CleanupOptions,
  signal: AbortSignal,
): Promise<void> {
  const tables = await cleanupNftables(options, signal);
  const { failures: chains, usable } = await cleanupAllIptables(options, signal);
  const sets = await cleanupIpvs(options, signal);
  const failures: unknown[] = [...tables, ...chains, ...sets];
  if (usable === 0) failures.push(new Error('no iptables program is installed'));
  if (failures.length === 0) return;
  const text = failures.map((error) => (error as Error).message).join('; ');
  throw new ProxyError('PROXY_CLEANUP', `clean-up incomplete: ${text}`, {
    cause: failures[0],
  });
}

/** @returns the failures, and the number of kinds of iptables */
async function cleanupAllIptables(
  { commands, log }: CleanupOptions,
  signal: AbortSignal,
): Promise<Readonly<{ failures: readonly unknown[]; usable: number }>> {
  const failures: unknown[] = [];
  let usable = 0;
  for (const family of IP_FAMILIES) {
    const done = new Set<string>();
    for (const variant of ['-nft', '-legacy', undefined] as const) {
      try {
        const isLegacy = variant === '-legacy';
        if (isLegacy && !(await hasLegacyTables(commands, family, signal))) continue;
        const options = variant === undefined ? { family } : { family, variant };
        const { iptables, description } = await probeIptables(commands, options, signal);
        usable += 1;
        if (done.has(description)) continue; // plain `iptables` is one of the two kinds
        done.add(description);
        failures.push(...(await cleanupIpvsRules(iptables, signal)));
        failures.push(...(await cleanupIptables(iptables, signal)));
        log.info({ family, iptables: description }, 'rules removed');
      } catch (error) {
        signal.throwIfAborted();
        // one of the two kinds is enough
        if (!isNetfilterError(error, 'NETFILTER_COMMAND_MISSING')) failures.push(error);
      }
    }
  }
  return { failures, usable };
}

async function cleanupIpvs(
  { openNetlink, clock }: CleanupOptions,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  if (openNetlink === undefined || clock === undefined) return [];
  const netlink = createNetlinkAccess({ openNetlink, clock });
  try {
    return await cleanupIpvsKernel(netlink, signal);
  } finally {
    netlink.close();
  }
}
