import {
  createProgramNftTable,
  NetlinkNftTable,
  NftEars,
  type NftTable,
  type NftTableName,
  probeNft,
} from '@nodeagent/netfilter/nftables';
import { isNetlinkError } from '@nodeagent/netlink-codec';

import { IP_FAMILIES, type IpFamily } from '../../model/address.js';
import { ProxyError } from '../../model/errors.js';
import { type NftablesMetrics, nftablesMetrics } from '../../model/nftables-metrics.js';
import { detectLocal } from '../../plan/detect-local.js';
import { TABLE } from '../../plan/nftables/names.js';
import { nftFamily } from '../../plan/nftables/settings.js';
import type { OpenNetlink } from '../../ports.js';
import type { FamilySetup, ModeContext } from '../mode.js';
import { openConntrack } from '../open-conntrack.js';
import { NftablesBackend } from './backend.js';

/** Created and removed within one step, so no other program ever sees it. */
const PROBE_TABLE = 'kube-proxy-probe';

/**
 * Sets up the nftables mode for every family that this kernel can program.
 *
 * @throws {ProxyError} `PROXY_NO_FAMILY`
 */
export async function setUpNftables(
  context: ModeContext,
  signal: AbortSignal,
): Promise<readonly FamilySetup[]> {
  const { log, nodeIps } = context;
  const metrics = nftablesMetrics(context.metrics);
  const found: FamilySetup[] = [];
  const problems: Error[] = [];
  const openTable = tableOpener(context);
  for (const family of IP_FAMILIES) {
    try {
      if (family === 'IPv6') await requireIpv6(context);
      found.push(await setUpFamily(context, { family, metrics, openTable }, signal));
    } catch (error) {
      signal.throwIfAborted();
      log.info({ family, err: error }, 'address family is not served');
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
  {
    family,
    metrics,
    openTable,
  }: Readonly<{
    family: IpFamily;
    metrics: NftablesMetrics;
    openTable: OpenTable;
  }>,
  signal: AbortSignal,
): Promise<FamilySetup> {
  const { config, nodeIps, podCidrs, log } = context;
  const { table, by } = await openTable(family, signal);
  log.info({ family, nftables: by }, 'address family is served');
  const settings = {
    family,
    masqueradeMark: config.masqueradeMark,
    masqueradeAll: config.masqueradeAll,
    localTraffic: detectLocal(config, podCidrs, family),
    nodeIp: nodeIps.ips[family],
  };
  const nodePortAddresses = context.nodePortAddresses[family];
  const { interfaces, problems, clock } = context;
  const backend = new NftablesBackend({
    table,
    settings,
    nodePortAddresses,
    interfaces,
    problems,
    clock,
    log,
    metrics,
  });
  return { family, backend, conntrack: openConntrack(context, family) };
}

type OpenTable = (
  family: IpFamily,
  signal: AbortSignal,
) => Promise<Readonly<{ table: NftTable; by: string }>>;

/** Opens tables over netlink when the add-on is available, else with the `nft` program. */
function tableOpener({ clock, commands, openNetlink, log }: ModeContext): OpenTable {
  let sharedEars: NftEars | undefined;
  const open = async (netlink: OpenNetlink, table: NftTableName): Promise<NetlinkNftTable> => {
    const socket = await netlink('netfilter');
    sharedEars ??= new NftEars(await netlink('netfilter'));
    return new NetlinkNftTable({ table, clock, socket, ears: sharedEars });
  };
  return async (family, signal) => {
    const name = { family: nftFamily(family), name: TABLE };
    const probe = { ...name, name: PROBE_TABLE };
    if (openNetlink !== undefined) {
      try {
        const probed = await open(openNetlink, probe);
        await probeNft(probed, signal).finally(() => probed.close());
        return { table: await open(openNetlink, name), by: 'netlink' };
      } catch (error) {
        if (!isNetlinkError(error, 'NETLINK_ADDON_MISSING')) throw error;
        log.warn(
          { err: error },
          'netlink is not available: using the nft program, which is slower',
        );
      }
    }
    await probeNft(createProgramNftTable({ table: probe, runner: commands, clock }), signal);
    return { table: createProgramNftTable({ table: name, runner: commands, clock }), by: 'nft' };
  };
}
