import { userspaceMetrics } from '../../model/userspace-metrics.js';
import { detectLocal } from '../../plan/detect-local.js';
import { parsePortRange } from '../../model/port-range.js';
import { cleanupIptables } from '../iptables/cleanup.js';
import { findFamilies } from '../iptables/find-families.js';
import { openConntrack } from '../open-conntrack.js';
import type { FamilySetup, ModeContext } from '../set-up-mode.js';
import { UserspaceBackend } from './backend.js';

/**
 * The userspace mode for every family that this machine has iptables for. What the iptables mode
 * left is removed first: its rules come before ours.
 *
 * @throws {ProxyError} `PROXY_NO_FAMILY`
 */
export async function setUpUserspace(
  context: ModeContext,
  signal: AbortSignal,
): Promise<readonly FamilySetup[]> {
  const { config, podCidrs, sockets, logger } = context;
  const families = await findFamilies(context, context.nodeIps.primary, signal);
  const metrics = userspaceMetrics(context.metrics);
  const range = parsePortRange(config.portRange);
  const setups: FamilySetup[] = [];
  for (const { family, iptables } of families) {
    for (const error of await cleanupIptables(iptables, signal)) {
      logger.warn({ family, err: error }, 'rules of iptables mode may still be there');
    }
    const backend = new UserspaceBackend({
      ...context,
      family,
      sockets,
      iptables,
      metrics,
      localTraffic: detectLocal(config, podCidrs, family),
      nodePortAddresses: context.nodePortAddresses[family],
      portRange: range === 'invalid' ? undefined : range,
      udpIdleMs: config.udpIdleMs,
      syncPeriodMs: config.syncPeriodMs,
    });
    setups.push({ family, backend, conntrack: openConntrack(context, family) });
  }
  return setups;
}
