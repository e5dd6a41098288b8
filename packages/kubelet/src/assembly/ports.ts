import type { Clock, Logger, Metrics, Random, ScopeTask, Tracer } from '@nodeagent/base';
import type { CgroupDriver, CgroupReadings, OpenTree } from '@nodeagent/cgroups';
import type { Verbosity } from '@nodeagent/component-base';
import type { ImageService, RuntimeService } from '@nodeagent/cri-client';
import type { KubeClient } from '@nodeagent/kube-client';
import type { FactSource } from '@nodeagent/node-status';
import type { Prober } from '@nodeagent/probes';

import type {
  CertificateStore,
  CredentialAdapters,
  RequestMaker,
  StubMaker,
} from '../credentials/index.js';
import type { LoopDevices, StorageCommands, StorageFiles } from '../disks/index.js';
import type { PullRecordFiles } from '../images/index.js';
import type { RotationFiles } from '../logs/index.js';
import type {
  FilterProgram,
  HealthServer,
  KernelLog,
  KernelSettings,
  ManagerCheckpoints,
} from '../node/index.js';
import type { ManifestFiles, ManifestUrl, PodLeftovers, ResourceRecordFile } from '../pod/index.js';
import type { LogLinks } from '../reclaim/index.js';
import type { HookCaller, PodFiles, UserNamespaceFiles } from '../runtime/index.js';
import type { NodeServerAdapters } from '../server/index.js';
import type { MetricsPage } from '../server/run/index.js';
import type { ShutdownStateFile, ShutdownWatch } from '../shutdown/index.js';
import type { DirectoryReadings, MachineReadings } from '../stats/index.js';
import type { PluginSockets } from '../storage/index.js';
import type { Mounter, ProjectQuotas, SubPaths, VolumeFiles } from '../volumes/index.js';
import type { NodeMachine } from './model/machine.js';

/**
 * All effects of a kubelet. `@nodeagent/kubelet/adapters` contains the ports of a real node,
 * `@nodeagent/kubelet/testing` those of a node in memory.
 */
export interface KubeletAdapters {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The verbosity of `log`, which a client of the node API may change; absent: it is fixed. */
  readonly verbosity?: Verbosity | undefined;
  /** Content of `/metrics`. */
  readonly metrics: Metrics & MetricsPage;
  /** Content of `/metrics/probes`: one series per container. */
  readonly probeMetrics: Metrics & MetricsPage;
  /** Records the duration of pod steps; absent: no traces. */
  readonly tracer?: RunningTracer | undefined;
  /** Opens the container runtime; called once, after the configuration has been checked. */
  openRuntime(): CriServices;
  /** Undefined without an API server: only static pods run then. */
  readonly openApi: OpenApi | undefined;
  readonly machine: NodeMachine;
  readonly files: KubeletFiles;
  readonly cgroups: (driver: CgroupDriver) => Promise<OpenTree>;
  readonly readings: Readings;
  /** Measures the machine for the Node's status. */
  readonly facts: FactSource;
  /** Network probes; those that run commands go through the runtime. */
  readonly prober: Required<Omit<Prober, 'exec'>>;
  readonly callHook: HookCaller;
  /** Sets the kubelet process's own `oom_score_adj`; a failure is only logged. */
  adjustOomScore(score: number): Promise<void>;
  /** Sets the number of files that the process may have open; a failure is only logged. */
  limitOpenFiles(count: number): Promise<void>;
  /** Settings that apply to the whole machine. */
  readonly kernelSettings: KernelSettings;
  /** Undefined: lack of memory is not reported as an event. */
  readonly kernelLog: KernelLog | undefined;
  /** Absent: no chains of iptables for other components. */
  readonly filter?: FilterProgram | undefined;
  readonly certificates: CertificateAdapters;
  readonly pullCredentials: CredentialAdapters;
  /** Answers `/healthz`; absent: no health port. */
  readonly health?: HealthServer | undefined;
  /** Absent: shutdowns of the machine go unnoticed. */
  readonly shutdown?: Readonly<{ watch: ShutdownWatch; file: ShutdownStateFile }> | undefined;
  /** Listeners and other effects of the node API; absent: no node API. */
  readonly server?: NodeServerAdapters | undefined;
}

/** A container runtime's two services, over connections that `close` ends. */
export interface CriServices {
  readonly runtime: RuntimeService;
  readonly images: ImageService;
  close(): void;
}

/** A tracer that sends its spans while it runs. */
export interface RunningTracer extends Tracer {
  run(signal: AbortSignal): Promise<void>;
}

/** Opens the API server with the kubelet's own credentials. */
export type OpenApi = (signal: AbortSignal) => Promise<NodeApiConnection>;

/** The clients of an API server, apart where one must not use up the rate limit of another. */
export interface NodeApiConnection {
  /** For pods and their statuses. */
  readonly client: KubeClient;
  /** For events, with a rate limit of its own; default `client`. */
  readonly events?: KubeClient | undefined;
  /**
   * Reviews callers of the node API. Separate, so that strangers cannot use up `client`'s rate
   * limit.
   */
  readonly reviewer: KubeClient;
  /** For the node's status and lease; default `client`. */
  readonly heartbeat?: KubeClient | undefined;
  /** Obtains the node's first certificate; undefined if it has one. */
  readonly bootstrap: ScopeTask | undefined;
  /** True if there is a client certificate and the configuration enables its rotation. */
  readonly rotatesClientCertificate: boolean;
  /** Checks that the server is trusted and accepts our credentials. @throws {ConfigError} if not */
  check(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Files below the root directory, and files of the host. */
export interface KubeletFiles {
  /**
   * Creates a directory and its parents, accessible only to root; an existing one stays unchanged.
   */
  makeDirectory(path: string): Promise<void>;
  readonly pods: PodFiles;
  readonly volumes: VolumeFiles;
  readonly mounter: Mounter;
  /** Absent: volumes are measured by walking them. */
  readonly quotas?: ProjectQuotas | undefined;
  readonly subPaths: SubPaths;
  /** Data beside the mounts of CSI drivers. */
  readonly storage: StorageFiles;
  readonly loops: LoopDevices;
  /** Programs that mount, and that make file systems. */
  readonly commands: StorageCommands;
  /** Sockets of plug-ins. */
  readonly plugins: PluginSockets;
  readonly userNamespaces: UserNamespaceFiles;
  readonly pullRecords: PullRecordFiles;
  /** `allocated`: resources allocated to pods. `actuated`: resources given to their containers. */
  readonly allocated: ResourceRecordFile;
  readonly actuated: ResourceRecordFile;
  /** Records that managers of another kubelet have left. */
  readonly checkpoints: ManagerCheckpoints;
  /** Log directories of pods. */
  readonly logs: PodLeftovers;
  readonly logLinks: LogLinks;
  readonly rotation: RotationFiles;
  /** `staticPodPath` */
  manifests(path: string): ManifestFiles;
  /** `staticPodURL` */
  manifestUrl(url: string, headers: Readonly<Record<string, readonly string[]>>): ManifestUrl;
}

/** The sources of `/stats/summary` and `/metrics/cadvisor`. */
export interface Readings {
  readonly cgroups: CgroupReadings;
  readonly directories: DirectoryReadings;
  readonly machine: MachineReadings;
}

/** Storage of certificates, and the keys for new ones. */
export interface CertificateAdapters {
  store(purpose: 'client' | 'server'): CertificateStore;
  readonly requests: RequestMaker;
  /** Creates keys for pod certificates. */
  readonly stubs: StubMaker;
}
