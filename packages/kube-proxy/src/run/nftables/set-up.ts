import {
  createProgramNftTable,
  NetlinkNftTable,
  type NftTable,
  probeNft,
} from '@nodeagent/netfilter/nftables';
import { isNetlinkError } from '@nodeagent/netlink-codec';

import { type IpFamily, IP_FAMILIES } from '../../model/address.js';
import { ProxyError } from '../../model/errors.js';
import { type NftablesMetrics, nftablesMetrics } from '../../model/nftables-metrics.js';
import { detectLocal } from '../../plan/detect-local.js';
import { TABLE } from '../../plan/nftables/names.js';
import { nftFamily } from '../../plan/nftables/settings.js';
import { openConntrack } from '../open-conntrack.js';
import type { FamilySetup, ModeContext } from '../set-up-mode.js';
import { NftablesBackend } from './backend.js';

/** Made and removed within one step, so nothing is ever seen of it. */
const PROBE_TABLE = 'kube-proxy-probe';

/**
 * The nftables mode for every family that this kernel can program.
 *
 * @throws {ProxyError} `PROXY_NO_FAMILY`
 */
export async function setUpNftables(
  context: ModeContext,
  signal: AbortSignal,
): Promise<readonly FamilySetup[]> {
  const { logger, nodeIps } = context;
  const metrics = nftablesMetrics(context.metrics);
  const found: FamilySetup[] = [];
  const problems: Error[] = [];
  for (const family of IP_FAMILIES) {
    try {
      if (family === 'IPv6') await requireIpv6(context);
      found.push(await setUpFamily(context, { family, metrics }, signal));
    } catch (error) {
      signal.throwIfAborted();
      logger.info({ family, err: error }, 'address family is not served');
      problems.push(error as Error);
    }
  }
  if (found.some(({ family }) => family === nodeIps.primary)) return found;
  const why = problems.map(({ message }) => message).join('; ');
  const message = `no support for primary IP family ${nodeIps.primary}: ${why}`;
  throw new ProxyError('PROXY_NO_FAMILY', message, { cause: problems[0] });
}

async function requireIpv6({ sysctl }: ModeContext): Promise<void> {
  const key = 'net/ipv6/conf/all/disable_ipv6';
  if ((await sysctl.read(key)) === '1') {
    throw new ProxyError('PROXY_NO_FAMILY', `IPv6 is switched off by ${key}`);
  }
}

async function setUpFamily(
  context: ModeContext,
  { family, metrics }: Readonly<{ family: IpFamily; metrics: NftablesMetrics }>,
  signal: AbortSignal,
): Promise<FamilySetup> {
  const { config, nodeIps, podCidrs, logger } = context;
  const { table, by } = await openTable(context, family, signal);
  logger.info({ family, nftables: by }, 'address family is served');
  const settings = {
    family,
    masqueradeMark: config.masqueradeMark,
    masqueradeAll: config.masqueradeAll,
    localTraffic: detectLocal(config, podCidrs, family),
    nodeIp: nodeIps.ips[family],
  };
  const nodePortAddresses = context.nodePortAddresses[family];
  const backend = new NftablesBackend({ ...context, table, settings, nodePortAddresses, metrics });
  return { family, backend, conntrack: openConntrack(context, family) };
}

/** Over netlink where there is an add-on for it; else by the `nft` program. */
async function openTable(
  context: ModeContext,
  family: IpFamily,
  signal: AbortSignal,
): Promise<Readonly<{ table: NftTable; by: string }>> {
  const { clock, commands, openNetlink, logger } = context;
  const name = { family: nftFamily(family), name: TABLE };
  const probe = { ...name, name: PROBE_TABLE };
  if (openNetlink !== undefined) {
    try {
      const open = async (table: typeof name): Promise<NetlinkNftTable> => {
        const [socket, ears] = [await openNetlink('netfilter'), await openNetlink('netfilter')];
        return new NetlinkNftTable({ table, clock, socket, ears });
      };
      const probed = await open(probe);
      await probeNft(probed, signal).finally(() => probed.close());
      return { table: await open(name), by: 'netlink' };
    } catch (error) {
      if (!isNetlinkError(error, 'NETLINK_UNAVAILABLE')) throw error;
      logger.warn({ err: error }, 'no netlink here: the nft program is used, which is slower');
    }
  }
  await probeNft(createProgramNftTable({ table: probe, runner: commands, clock }), signal);
  return { table: createProgramNftTable({ table: name, runner: commands, clock }), by: 'nft' };
}
