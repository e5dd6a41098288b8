import type { ContainerSettings } from '../plan/container-config.js';

/** What of the kubelet's configuration decides how pods look to the runtime. */
export interface RuntimeSettings extends ContainerSettings {
  readonly podLogsDir: string;
  /** Where log collectors look: one link per container. */
  readonly containerLogsDir: string;
  readonly clusterDomain: string;
  readonly clusterDns: readonly string[];
  /** Empty: pods get no resolver of the host. */
  readonly resolvConfPath: string;
  /** Resolvers of pods that use a host without resolv.conf; 127.0.0.1 when absent. */
  readonly loopbacks?: readonly string[];
  /** Files may need a label before containers may read them. */
  readonly selinux?: boolean;
}
