/** Names and values that the runtime stores and hands back unchanged. */
export type Labels = Readonly<Record<string, string>>;

/**
 * A value that a runtime returned; `'unknown'` stands for values that this version does not know.
 */
export type Seen<T extends string> = T | 'unknown';

/** Maps `length` ids, starting at `hostId` on the host and at `containerId` in the container. */
export interface IdMapping {
  readonly hostId: number;
  readonly containerId: number;
  readonly length: number;
}

/** `target` shares with the container named by `targetId`. */
export type NamespaceMode = 'pod' | 'container' | 'node' | 'target';

/** Mode `node` shares the host's user ids; `pod` maps them by these ranges. */
export interface UserNamespace<Mode extends string = 'pod' | 'node'> {
  readonly mode: Mode;
  readonly uids?: readonly IdMapping[] | undefined;
  readonly gids?: readonly IdMapping[] | undefined;
}

/** An absent mode is the wire's zero, `pod`. */
export interface NamespaceOptions {
  readonly network?: NamespaceMode | undefined;
  readonly pid?: NamespaceMode | undefined;
  readonly ipc?: NamespaceMode | undefined;
  /** Container id, for `pid: 'target'`. */
  readonly targetId?: string | undefined;
  readonly user?: UserNamespace | undefined;
}

/**
 * The namespaces that the runtime reports; a mode that this version does not know is `'unknown'`.
 */
export interface SeenNamespaces {
  readonly network: Seen<NamespaceMode>;
  readonly pid: Seen<NamespaceMode>;
  readonly ipc: Seen<NamespaceMode>;
  readonly targetId?: string | undefined;
  readonly user?: UserNamespace<Seen<NamespaceMode>> | undefined;
}

/** The four parts of an SELinux label; the runtime chooses those that are absent. */
export interface SelinuxOptions {
  readonly user?: string | undefined;
  readonly role?: string | undefined;
  readonly type?: string | undefined;
  readonly level?: string | undefined;
}

/** Seccomp or AppArmor. `ref` is the profile's path (seccomp) or loaded name (AppArmor). */
export type SecurityProfile =
  Readonly<{ kind: 'runtime-default' }> | Readonly<{ kind: 'unconfined' }> | LocalProfile;

/** A seccomp profile by its absolute path, or an AppArmor profile by its name, on the node. */
export interface LocalProfile {
  readonly kind: 'localhost';
  readonly ref: string;
}

/** `merge` adds the groups that the image's /etc/group gives the user; `strict` does not. */
export type SupplementalGroupsPolicy = 'merge' | 'strict';

/** Changes to the runtime's default capabilities. */
export interface Capabilities {
  /** Names without `CAP_`, or `ALL`. */
  readonly add?: readonly string[] | undefined;
  readonly drop?: readonly string[] | undefined;
  readonly addAmbient?: readonly string[] | undefined;
}

/** Privileges of the sandbox's own process; containers have their own. */
export interface SandboxSecurityContext {
  readonly namespaces?: NamespaceOptions | undefined;
  readonly selinux?: SelinuxOptions | undefined;
  readonly runAsUser?: number | undefined;
  /** Refused by runtimes when there is no `runAsUser`. */
  readonly runAsGroup?: number | undefined;
  readonly readOnlyRootfs?: boolean | undefined;
  readonly supplementalGroups?: readonly number[] | undefined;
  readonly supplementalGroupsPolicy?: SupplementalGroupsPolicy | undefined;
  readonly privileged?: boolean | undefined;
  readonly seccomp?: SecurityProfile | undefined;
  readonly apparmor?: SecurityProfile | undefined;
  /** Deprecated text form, for runtimes that do not know `seccomp`. */
  readonly seccompProfilePath?: string | undefined;
}

/** Privileges of a container's processes. */
export interface ContainerSecurityContext {
  readonly capabilities?: Capabilities | undefined;
  readonly privileged?: boolean | undefined;
  readonly namespaces?: NamespaceOptions | undefined;
  readonly selinux?: SelinuxOptions | undefined;
  /** Excludes `runAsUsername`. */
  readonly runAsUser?: number | undefined;
  readonly runAsGroup?: number | undefined;
  readonly runAsUsername?: string | undefined;
  readonly readOnlyRootfs?: boolean | undefined;
  readonly supplementalGroups?: readonly number[] | undefined;
  readonly supplementalGroupsPolicy?: SupplementalGroupsPolicy | undefined;
  readonly noNewPrivileges?: boolean | undefined;
  readonly maskedPaths?: readonly string[] | undefined;
  readonly readOnlyPaths?: readonly string[] | undefined;
  readonly seccomp?: SecurityProfile | undefined;
  readonly apparmor?: SecurityProfile | undefined;
  /** Deprecated text form: `runtime/default`, `unconfined`, `localhost/<profile>`. */
  readonly apparmorProfile?: string | undefined;
  /** Deprecated text form, for runtimes that do not know `seccomp`. */
  readonly seccompProfilePath?: string | undefined;
}

/** A limit on huge pages of one size. */
export interface HugepageLimit {
  /** `2MB`, `1GB`, `64KB`. */
  readonly pageSize: string;
  readonly limitBytes: number;
}

/** The runtime decides absent numbers (zeros on the wire). */
export interface LinuxResources {
  readonly cpuPeriodUs?: number | undefined;
  /** -1 means no limit. */
  readonly cpuQuotaUs?: number | undefined;
  readonly cpuShares?: number | undefined;
  readonly memoryLimitBytes?: number | undefined;
  /** -1000 to 1000; 0 and absent look the same on the wire. */
  readonly oomScoreAdj?: number | undefined;
  /** List format, `0-2,7`. */
  readonly cpusetCpus?: string | undefined;
  readonly cpusetMems?: string | undefined;
  readonly hugepageLimits?: readonly HugepageLimit[] | undefined;
  /** cgroup v2 files and their content, `memory.high` → `max`. */
  readonly unified?: Labels | undefined;
  readonly memorySwapLimitBytes?: number | undefined;
}
