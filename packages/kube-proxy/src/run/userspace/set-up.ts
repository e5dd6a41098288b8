import { userspaceMetrics } from '../../model/userspace-metrics.js';
import { detectLocal } from '../../plan/detect-local.js';
import { PORTAL_CHAINS, PORTAL_JUMPS } from '../../plan/userspace/portal-rules.js';
import { cleanupBeside } from '../iptables/cleanup.js';
import { findFamilies } from '../iptables/find-families.js';
import type { FamilySetup, ModeContext } from '../mode.js';
import { openConntrack } from '../open-conntrack.js';
import { UserspaceBackend } from './backend.js';

/**
 * Sets up the userspace mode for every family that this machine has iptables for.
 *
 * @throws {ProxyError} `PROXY_NO_FAMILY`
 */
export async function setUpUserspace(
  context: ModeContext,
  signal: AbortSignal,
): Promise<readonly FamilySetup[]> {
  const { config, podCidrs, sockets, interfaces, clock, random, log, problems } = context;
  const families = await findFamilies(context, context.nodeIps.primary, signal);
  const metrics = userspaceMetrics(context.metrics);
  const setups: FamilySetup[] = [];
  for (const { family, iptables } of families) {
    const backend = new UserspaceBackend({
      ...{ family, sockets, iptables, metrics, interfaces, clock, random, log, problems },
      localTraffic: detectLocal(config, podCidrs, family),
      nodePortAddresses: context.nodePortAddresses[family],
      portRange: config.portRange,
      udpIdleMs: config.udpIdleMs,
      syncPeriodMs: config.syncPeriodMs,
    });
    const own = { chains: PORTAL_CHAINS, jumps: PORTAL_JUMPS.map(({ jump }) => jump) };
    const removeLeftovers = (inner: AbortSignal) => cleanupBeside(iptables, own, inner);
    setups.push({ family, backend, conntrack: openConntrack(context, family), removeLeftovers });
  }
  return setups;
}
