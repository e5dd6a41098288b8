import { defineService, type Ipvs, isIpvsError } from '@nodeagent/ipvs';

import type { IpvsConfig } from '../../model/config.js';
import { ProxyError } from '../../model/errors.js';
import { restoreFailuresCounter } from '../../model/iptables-metrics.js';
import { detectLocal } from '../../plan/detect-local.js';
import { ipvsSettings } from '../../plan/ipvs/kernel-settings.js';
import type { NetlinkAccess } from '../../ports.js';
import { findFamilies } from '../iptables/find-families.js';
import type { FamilySetup, ModeContext } from '../mode.js';
import { openConntrack } from '../open-conntrack.js';
import { IpvsBackend } from './backend.js';
import { createNetlinkAccess } from './netlink-access.js';

/**
 * Sets up the ipvs mode for every family that this machine has iptables for. The netlink
 * connections live as long as the process.
 *
 * @throws {ProxyError} `PROXY_MODE_UNAVAILABLE` when this kernel has no IPVS or scheduler, or does
 * not permit its use; `PROXY_NO_FAMILY`
 */
export async function setUpIpvs(
  context: ModeContext,
  signal: AbortSignal,
): Promise<readonly FamilySetup[]> {
  const { config, kernel, log, sysctl, events, nodeName } = context;
  const { openNetlink, readIpvsTable, clock, problems } = context;
  if (openNetlink === undefined) {
    throw new ProxyError(
      'PROXY_MODE_UNAVAILABLE',
      'ipvs mode needs netlink, which is not available',
    );
  }
  const netlink = createNetlinkAccess({
    openNetlink,
    clock,
    ...(readIpvsTable !== undefined && { readIpvsTable }),
  });
  const { scheduler, strictArp, excludeCidrs, timeouts } = config.ipvs;
  await probe(netlink.ipvs, scheduler, signal);
  events.record({
    type: 'Warning',
    reason: 'IPVSDeprecation',
    action: 'StartKubeProxy',
    message: 'The ipvs proxy mode is deprecated; use nftables mode instead',
    about: { kind: 'Node', name: nodeName },
  });
  const release = await sysctl.read('kernel/osrelease');
  await kernel.want(ipvsSettings({ release, strictArp }));
  await setTimeouts(netlink.ipvs, timeouts, log);
  const families = await findFamilies(context, context.nodeIps.primary, signal);
  const restoreFailures = restoreFailuresCounter(context.metrics);
  log.info({ scheduler }, 'IPVS is usable');
  return families.map(({ family, iptables, randomFully }) => ({
    family,
    backend: new IpvsBackend({
      ipvs: netlink.ipvs,
      ipset: netlink.ipset,
      serviceInterface: netlink.serviceInterface,
      iptables,
      settings: {
        family,
        scheduler,
        randomFully,
        nodeIp: context.nodeIps.ips[family],
        masqueradeMark: config.masqueradeMark,
        masqueradeAll: config.masqueradeAll,
        localTraffic: detectLocal(config, context.podCidrs, family),
      },
      nodePortAddresses: context.nodePortAddresses[family],
      excludeCidrs,
      syncPeriodMs: config.syncPeriodMs,
      clock,
      log,
      restoreFailures,
      problems,
    }),
    conntrack: openConntrack(context, family),
  }));
}

/** An address of the documentation range, which no host has. */
const PROBE = { kind: 'address', protocol: 'tcp', address: '198.51.100.0', port: 20_000 } as const;

/** A scheduler in use works; any other is tried on a service that is removed again. */
async function probe(ipvs: Ipvs, scheduler: string, signal: AbortSignal): Promise<void> {
  try {
    const services = await ipvs.listServices(signal);
    if (services.some((service) => service.scheduler === scheduler)) return;
    await ipvs.apply([{ kind: 'add-service', service: defineService({ id: PROBE, scheduler }) }]);
    await ipvs.apply([{ kind: 'delete-service', id: PROBE }]);
  } catch (error) {
    signal.throwIfAborted();
    if (!isIpvsError(error)) throw error;
    const text = `ipvs mode with scheduler ${scheduler} cannot work here: ${error.message}`;
    throw new ProxyError('PROXY_MODE_UNAVAILABLE', text, { cause: error });
  }
}

/**
 * Timeouts of 0 stay as they are. A failure is only logged: connections are forwarded in any case.
 */
async function setTimeouts(
  ipvs: NetlinkAccess['ipvs'],
  timeouts: IpvsConfig['timeouts'],
  log: ModeContext['log'],
): Promise<void> {
  if (Object.values(timeouts).every((value) => value === 0)) return;
  try {
    await ipvs.setTimeouts(timeouts);
  } catch (error) {
    log.error({ err: error, ...timeouts }, 'IPVS timeouts not set');
  }
}
