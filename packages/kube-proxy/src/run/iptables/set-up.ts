import type { Logger } from '@nodeagent/base';

import { type IptablesMetrics, iptablesMetrics } from '../../model/iptables-metrics.js';
import { ruleSettingsOf } from '../../plan/iptables/settings-of.js';
import { ROUTE_LOCALNET, TCP_BE_LIBERAL } from '../../plan/kernel-settings.js';
import type { Sysctl } from '../../ports.js';
import type { FamilySetup, ModeContext } from '../mode.js';
import { openConntrack } from '../open-conntrack.js';
import { IptablesBackend } from './backend.js';
import { cleanupPortals } from './cleanup.js';
import { findFamilies, type FoundFamily } from './find-families.js';
import { RuleCounters } from './rule-counters.js';

/**
 * Sets up the iptables mode for every family that this machine has tools for.
 *
 * @throws {ProxyError} `PROXY_NO_FAMILY`
 */
export async function setUpIptables(
  context: ModeContext,
  signal: AbortSignal,
): Promise<readonly FamilySetup[]> {
  const families = await findFamilies(context, context.nodeIps.primary, signal);
  const metrics = iptablesMetrics(context.metrics);
  const counters = new RuleCounters({
    openCounters: openCountersOf(context),
    metrics: context.metrics,
    log: context.log,
  });
  context.beforeScrape((inner) => counters.refresh(inner));
  return Promise.all(families.map((found) => setUpFamily(context, found, { metrics, counters })));
}

function openCountersOf({ openNetlink, clock }: ModeContext) {
  if (openNetlink === undefined) return undefined;
  return async () => {
    const { KernelCounters } = await import('@nodeagent/netfilter/counters');
    return new KernelCounters({ socket: await openNetlink('netfilter'), clock });
  };
}

async function setUpFamily(
  context: ModeContext,
  { family, iptables, randomFully, backend: kind }: FoundFamily,
  { metrics, counters }: Readonly<{ metrics: IptablesMetrics; counters: RuleCounters }>,
): Promise<FamilySetup> {
  const { config, kernel, sysctl, log, nodeIps, podCidrs } = context;
  const nodePortAddresses = context.nodePortAddresses[family];
  const settings = ruleSettingsOf(config, {
    family,
    nodeIp: nodeIps.ips[family],
    randomFully,
    dropInvalid: await dropsInvalid(sysctl, log),
    counters: { invalidDropped: false, localhostNodePorts: false },
    podCidrs,
    nodePortAddresses,
  });
  if (settings.localhostNodePorts) await kernel.want([{ key: ROUTE_LOCALNET, value: 1 }]);
  const backend = new IptablesBackend({
    iptables,
    jumpsFirst: kind === 'legacy',
    settings,
    nodePortAddresses,
    interfaces: context.interfaces,
    syncPeriodMs: config.syncPeriodMs,
    clock: context.clock,
    log,
    metrics,
    problems: context.problems,
    counters,
  });
  const removeLeftovers = (inner: AbortSignal) => cleanupPortals(iptables, inner);
  return { family, backend, conntrack: openConntrack(context, family), removeLeftovers };
}

async function dropsInvalid(sysctl: Sysctl, log: Logger): Promise<boolean> {
  try {
    return (await sysctl.read(TCP_BE_LIBERAL)) === '0';
  } catch (error) {
    log.warn({ err: error }, 'assuming that connection tracking is strict');
    return true;
  }
}
