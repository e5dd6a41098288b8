import { KUBERNETES_VERSION } from '@nodeagent/component-base';

/** Who this kubelet is and where it keeps its files: what its configuration does not say. */
export interface KubeletIdentity {
  /** The name of its Node object. */
  readonly nodeName: string;
  /** At most one of each family, the preferred one first; measured when empty. */
  readonly nodeIps?: readonly string[];
  /** Labels that the Node gets when it is registered. */
  readonly nodeLabels?: Readonly<Record<string, string>>;
  /** Holds pods' files, plug-in sockets and checkpoints; `/var/lib/kubelet` when absent. */
  readonly rootDir?: string;
  /** Holds the certificates that the kubelet makes or is issued; `<rootDir>/pki` when absent. */
  readonly certDir?: string;
  /** `external`: a cloud controller manager initialises the node; `none` when absent. */
  readonly cloudProvider?: 'none' | 'external';
  /** The cgroup that the container runtime runs in, for `/stats/summary`; unknown when empty. */
  readonly runtimeCgroups?: string;
  /** Kubernetes' version as the Node shows it, `v1.36.0`. */
  readonly version?: string;
  /** Command-line flags as `/flagz` shows them. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Where a field of the configuration stands, for error messages. */
  readonly placeOf?: (field: string) => ConfigPlace;
}

/** A configuration file and its field, or the command line and its flag. */
export interface ConfigPlace {
  readonly source: string;
  readonly field: string;
}

export type WholeIdentity = Required<KubeletIdentity>;

/** Fills in what an identity leaves out. */
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
    version: identity.version ?? KUBERNETES_VERSION,
    flags: identity.flags ?? {},
    placeOf: identity.placeOf ?? ((field) => ({ source: 'KubeletConfiguration', field })),
  };
}
