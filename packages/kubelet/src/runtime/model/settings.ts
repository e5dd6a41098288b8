import type { ContainerSettings } from '../plan/container-config.js';

/** The part of the kubelet's configuration that decides how pods are created in the runtime. */
export interface RuntimeSettings extends ContainerSettings {
  readonly podLogsDir: string;
  /** The directory that log collectors read: one link per container. */
  readonly containerLogsDir: string;
  readonly clusterDomain: string;
  readonly clusterDns: readonly string[];
  /** Empty: pods get none of the host's resolvers. */
  readonly resolvConfPath: string;
  /**
   * Resolvers for pods that use the host's resolver if the host has no resolv.conf; 127.0.0.1 if
   * absent.
   */
  readonly loopbacks?: readonly string[];
  /** Sandboxes that were created earlier have neither processes nor a network any more. */
  readonly bootedAtMs?: number;
  /** Files may need a label before containers can read them. */
  readonly selinux?: boolean;
}
