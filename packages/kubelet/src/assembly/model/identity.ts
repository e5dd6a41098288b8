import { KUBERNETES_VERSION } from '@nodeagent/component-base';

import { type ContainerGcPolicy, DEFAULT_CONTAINER_GC } from '../../reclaim/index.js';

/** Identity and file locations of this kubelet; they are not part of its configuration. */
export interface KubeletIdentity {
  /** The name of this kubelet's Node object. */
  readonly nodeName: string;
  /** At most one per family, the preferred one first; empty: measured. */
  readonly nodeIps?: readonly string[];
  /** Labels that the Node gets when it is registered. */
  readonly nodeLabels?: Readonly<Record<string, string>>;
  /** Contains pods' files, plug-in sockets and checkpoints; default `/var/lib/kubelet`. */
  readonly rootDir?: string;
  /** Contains certificates that the kubelet creates or is issued; default `<rootDir>/pki`. */
  readonly certDir?: string;
  /** `external`: a cloud controller manager initialises the node. Default `none`. */
  readonly cloudProvider?: 'none' | 'external';
  /** The container runtime's own cgroup, for `/stats/summary`; empty: unknown. */
  readonly runtimeCgroups?: string;
  /** How many ended containers stay; default: one run of each container, without a limit of the node. */
  readonly containerGc?: ContainerGcPolicy;
  /** The Kubernetes version that the Node reports, `v1.36.0`. */
  readonly version?: string;
  /** Command-line flags to show at `/flagz`. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Locates a field of the configuration, for error messages. */
  readonly placeOf?: (field: string) => ConfigPlace;
}

/** A configuration file and a field in it, or the command line and a flag. */
export interface ConfigPlace {
  readonly source: string;
  readonly field: string;
}

export type WholeIdentity = Required<KubeletIdentity>;

/** Fills in the defaults of an identity. */
export function completeIdentity(identity: KubeletIdentity): WholeIdentity {
  const rootDir = identity.rootDir ?? '/var/lib/kubelet';
  return {
    nodeName: identity.nodeName,
    nodeIps: identity.nodeIps ?? [],
    nodeLabels: identity.nodeLabels ?? {},
    rootDir,
    certDir: identity.certDir ?? `${rootDir}/pki`,
    cloudProvider: identity.cloudProvider ?? 'none',
    runtimeCgroups: identity.runtimeCgroups ?? '',
    containerGc: identity.containerGc ?? DEFAULT_CONTAINER_GC,
    version: identity.version ?? KUBERNETES_VERSION,
    flags: identity.flags ?? {},
    placeOf: identity.placeOf ?? ((field) => ({ source: 'KubeletConfiguration', field })),
  };
}
