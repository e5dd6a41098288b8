/**
 * The machine's properties; measured again for every status, because processors and huge pages may
 * come and go.
 */
export interface MachineFacts {
  /** The number of online logical processors. */
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  /** One entry per supported size, even without pages of that size. */
  readonly hugePages: readonly Readonly<{ sizeBytes: number; pages: number }>[];
  /** The size of the file system of pods' local data. */
  readonly rootFsBytes: number;
  /** Empty when there is none. */
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

/** Addresses from which the node's own are chosen. */
export interface NetworkFacts {
  /** The addresses of all interfaces that are up. */
  readonly interfaceAddresses: readonly string[];
  /** The addresses of the node's name, in the resolver's order; empty when it does not resolve. */
  readonly resolvedAddresses: readonly string[];
  /** The addresses of the default route's interface. */
  readonly defaultRoute: Readonly<{ ipv4?: string; ipv6?: string }>;
}

/**
 * One aspect of the runtime's health: `RuntimeReady` and `NetworkReady` decide about the node's.
 */
export interface RuntimeCondition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

/** A way to run pods that a RuntimeClass can name. */
export interface RuntimeHandler {
  /** Empty for the default handler. */
  readonly name: string;
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}

/** One status answer of the container runtime. */
export interface RuntimeStatus {
  readonly conditions: readonly RuntimeCondition[];
  readonly handlers: readonly RuntimeHandler[];
  /** Undefined when the runtime reports no features. */
  readonly supplementalGroupsPolicy: boolean | undefined;
}

/** Reported as `containerd://2.1.0`. */
export interface RuntimeVersion {
  readonly name: string;
  readonly version: string;
}

/** An image in the runtime's store. */
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

/** Resources of device plug-ins, as whole counts. */
export interface DeviceResources {
  readonly capacity: Readonly<Record<string, number>>;
  readonly allocatable: Readonly<Record<string, number>>;
  /** Resources of plug-ins that have gone: their capacity becomes 0. */
  readonly removed: readonly string[];
}

/** Reasons why a node is not ready, apart from the runtime's own; each entry is one message. */
export interface NodeProblems {
  /** E.g. `PLEG is not healthy: pleg has yet to be successful`. */
  readonly runtime: readonly string[];
  readonly storage: readonly string[];
  readonly shuttingDown: boolean;
}

export const NO_PROBLEMS: NodeProblems = { runtime: [], storage: [], shuttingDown: false };
