/** What the machine is; measured anew for every status, as processors and pages may come and go. */
export interface MachineFacts {
  /** Logical processors that are online. */
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  /** One entry per size that the kernel supports, also without pages. */
  readonly hugePages: readonly Readonly<{ sizeBytes: number; pages: number }>[];
  /** Size of the file system that pods' local data is on. */
  readonly rootFsBytes: number;
  /** Empty where there is none. */
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernelVersion: string;
  /** `Debian GNU/Linux 12 (bookworm)`. */
  readonly osImage: string;
  /** Go's names: `linux`, `amd64`. */
  readonly operatingSystem: string;
  readonly architecture: string;
}

export interface NetworkFacts {
  /** Of all interfaces that are up. */
  readonly interfaceAddresses: readonly string[];
  /** What the node's name resolves to, in the resolver's order; empty when it does not. */
  readonly resolvedAddresses: readonly string[];
  /** Of the interface that the default route leaves through. */
  readonly defaultRoute: Readonly<{ ipv4?: string; ipv6?: string }>;
}

export interface RuntimeCondition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface RuntimeHandler {
  /** Empty for the default handler. */
  readonly name: string;
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}

/** One answer of the container runtime about itself. */
export interface RuntimeStatus {
  readonly conditions: readonly RuntimeCondition[];
  readonly handlers: readonly RuntimeHandler[];
  /** Undefined when the runtime reports no features. */
  readonly supplementalGroupsPolicy: boolean | undefined;
}

export interface RuntimeVersion {
  readonly name: string;
  readonly version: string;
}

export interface ImageFact {
  readonly id: string;
  readonly repoDigests: readonly string[];
  readonly repoTags: readonly string[];
  readonly sizeBytes: number;
}

/** Signals of the eviction manager. */
export interface Pressure {
  readonly memory: boolean;
  readonly disk: boolean;
  readonly pid: boolean;
}

/** Resources that plug-ins contribute, as whole counts. */
export interface DeviceResources {
  readonly capacity: Readonly<Record<string, number>>;
  readonly allocatable: Readonly<Record<string, number>>;
  /** Of plug-ins that went away: their capacity becomes 0. */
  readonly removed: readonly string[];
}

/** Why a node is not ready, beyond what the runtime says; each entry is one message. */
export interface NodeProblems {
  /** e.g. `PLEG is not healthy: pleg has yet to be successful`. */
  readonly runtime: readonly string[];
  readonly storage: readonly string[];
  readonly shuttingDown: boolean;
}

export const NO_PROBLEMS: NodeProblems = { runtime: [], storage: [], shuttingDown: false };
