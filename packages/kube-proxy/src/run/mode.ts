import type { Clock, Logger, Metrics, Random } from '@nodeagent/base';
import type { EventRecorder } from '@nodeagent/kube-client';
import type { CommandRunner } from '@nodeagent/netfilter';
import type { Conntrack } from '@nodeagent/netfilter/conntrack';

import type { IpFamily } from '../model/address.js';
import type { ProxyConfig } from '../model/config.js';
import type { NodeIps } from '../model/node-info.js';
import type { NodePortAddresses } from '../model/node-ports.js';
import type {
  Backend,
  ForwardSockets,
  Interfaces,
  OpenNetlink,
  Problems,
  Sysctl,
} from '../ports.js';
import type { KernelSettings } from './kernel-settings.js';

/** Everything a mode may use to examine this machine, and for its backends. */
export interface ModeContext {
  readonly config: ProxyConfig;
  readonly nodeName: string;
  readonly nodeIps: NodeIps;
  /** `spec.podCIDRs` of the node at start. */
  readonly podCidrs: readonly string[];
  readonly nodePortAddresses: Readonly<Record<IpFamily, NodePortAddresses>>;
  readonly commands: CommandRunner;
  /** Absent when there is no netlink: programs are run instead. */
  readonly openNetlink?: OpenNetlink;
  /** Absent when there is no /proc: ipvs mode queries each service. */
  readonly readIpvsTable?: () => Promise<string | undefined>;
  /** For reading; use `kernel` to change settings. */
  readonly sysctl: Sysctl;
  readonly kernel: Pick<KernelSettings, 'want'>;
  readonly interfaces: Interfaces;
  /** For modes that forward connections themselves. */
  readonly sockets: ForwardSockets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Registers a function to run before metrics are read, for values counted elsewhere. */
  readonly beforeScrape: (refresh: (signal: AbortSignal) => Promise<void>) => void;
  /** For the mode's own metrics. */
  readonly metrics: Metrics;
  readonly problems: Problems;
  readonly events: EventRecorder;
}

/** One address family that a mode can serve here. */
export interface FamilySetup {
  readonly family: IpFamily;
  readonly backend: Backend;
  readonly conntrack: Conntrack;
  /**
   * Removes objects of other modes that this one does not use. Called once, when every family has
   * its own rules: until then the old ones serve.
   *
   * @returns the failures
   */
  readonly removeLeftovers?: (signal: AbortSignal) => Promise<readonly unknown[]>;
}

/**
 * Does the preparations of a mode that are needed once.
 *
 * @returns the families that can be served, {@link NodeIps.primary} among them
 * @throws {ProxyError} `PROXY_NO_FAMILY`
 */
export type SetUpMode = (
  context: ModeContext,
  signal: AbortSignal,
) => Promise<readonly FamilySetup[]>;
