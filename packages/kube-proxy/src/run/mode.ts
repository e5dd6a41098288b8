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

/** What a mode may use to find out what this machine can do, and for its backends. */
export interface ModeContext {
  readonly config: ProxyConfig;
  readonly nodeName: string;
  readonly nodeIps: NodeIps;
  /** `spec.podCIDRs` of the node, as they were at the start. */
  readonly podCidrs: readonly string[];
  readonly nodePortAddresses: Readonly<Record<IpFamily, NodePortAddresses>>;
  readonly commands: CommandRunner;
  /** Absent where there is no netlink: programs are run instead. */
  readonly openNetlink?: OpenNetlink;
  /** Absent where there is no /proc: ipvs mode asks for each service. */
  readonly readIpvsTable?: () => Promise<string | undefined>;
  /** For reading; what must be set goes through `kernel`. */
  readonly sysctl: Sysctl;
  readonly kernel: Pick<KernelSettings, 'want'>;
  readonly interfaces: Interfaces;
  /** For modes that carry connections themselves. */
  readonly sockets: ForwardSockets;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Runs before metrics are read: for what is counted elsewhere. */
  readonly beforeScrape: (refresh: (signal: AbortSignal) => Promise<void>) => void;
  /** A mode registers its own metrics here. */
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
   * Removes what other modes left and this one does not use. Called once, when every family has its
   * own rules: until then the old ones serve.
   *
   * @returns what could not be removed
   */
  readonly removeLeftovers?: (signal: AbortSignal) => Promise<readonly unknown[]>;
}

/**
 * Prepares the kernel for a mode, as far as that is done once.
 *
 * @returns the families that can be served, {@link NodeIps.primary} among them
 * @throws {ProxyError} `PROXY_NO_FAMILY`
 */
export type SetUpMode = (
  context: ModeContext,
  signal: AbortSignal,
) => Promise<readonly FamilySetup[]>;
