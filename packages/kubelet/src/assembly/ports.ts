import type { Clock, Logger, Metrics, Random, ScopeTask, Tracer } from '@nodeagent/base';
import type { CgroupDriver, CgroupReadings, CgroupTree } from '@nodeagent/cgroups';
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
import type { PullRecordFiles } from '../images/index.js';
import type { RotationFiles } from '../logs/index.js';
import type { HealthServer } from '../node/index.js';
import type { ManifestFiles, ManifestUrl, PodLeftovers, ResourceRecordFile } from '../pod/index.js';
import type { HookCaller, PodFiles, UserNamespaceFiles } from '../runtime/index.js';
import type { NodeServerAdapters } from '../server/index.js';
import type { MetricsPage } from '../server/run/index.js';
import type { DirectoryReadings, MachineReadings } from '../stats/index.js';
import type { PluginSockets, StorageFiles } from '../storage/index.js';
import type { Mounter, SubPaths, VolumeFiles } from '../volumes/index.js';
import type { NodeMachine } from './model/machine.js';

/**
 * Everything that a kubelet does to the world, or learns from it. `@nodeagent/kubelet/adapters` has
 * the ports of a real node, `@nodeagent/kubelet/testing` those of one in memory.
 */
export interface KubeletAdapters {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The page `/metrics`. */
  readonly metrics: Metrics & MetricsPage;
  /** The page `/metrics/probes`: one series per container. */
  readonly probeMetrics: Metrics & MetricsPage;
  /** Records how long the steps of pods take; none when absent. */
  readonly tracer?: RunningTracer | undefined;
  /** Opens the container runtime; called once, after the configuration was found good. */
  openRuntime(): CriServices;
  /** Undefined: there is no API server, and only static pods run. */
  readonly openApi: OpenApi | undefined;
  readonly machine: NodeMachine;
  readonly files: KubeletFiles;
  readonly cgroups: (driver: CgroupDriver) => Promise<CgroupTree>;
  readonly readings: Readings;
  /** Measures the machine for the Node's status. */
  readonly facts: FactSource;
  /** Network probes; those that run commands go through the runtime. */
  readonly prober: Omit<Prober, 'exec'>;
  readonly callHook: HookCaller;
  /** Sets this process's own `oom_score_adj`; a refusal is only logged. */
  adjustOomScore(score: number): Promise<void>;
  readonly certificates: CertificateAdapters;
  readonly pullCredentials: CredentialAdapters;
  /** Answers `/healthz`; nothing does when absent. */
  readonly health?: HealthServer | undefined;
  /** The doors of the node API; there is none when absent. */
  readonly server?: NodeServerAdapters | undefined;
}

export interface CriServices {
  readonly runtime: RuntimeService;
  readonly images: ImageService;
  close(): void;
}

/** A tracer that sends what it records for as long as it runs. */
export interface RunningTracer extends Tracer {
  run(signal: AbortSignal): Promise<void>;
}

/** The API server as the kubelet's own credentials open it. */
export type OpenApi = (signal: AbortSignal) => Promise<NodeApiConnection>;

export interface NodeApiConnection {
  /** For pods, statuses and events. */
  readonly client: KubeClient;
  /** Asks who may call the node API: strangers must not use up the rate limit of `client`. */
  readonly reviewer: KubeClient;
  /** For the node's status and lease; `client` when absent. */
  readonly heartbeat?: KubeClient | undefined;
  /** Gets the node its first certificate, where that is still to come. */
  readonly bootstrap: ScopeTask | undefined;
  /** Whether the client certificate is renewed: it is one, and the configuration says so. */
  readonly rotatesClientCertificate: boolean;
  /** Looks whether the server can be trusted and trusts us. @throws {ConfigError} where it is not so */
  check(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Files below the root directory, and of the host. */
export interface KubeletFiles {
  /** Makes a directory with its parents, for root alone; one that is there stays as it is. */
  makeDirectory(path: string): Promise<void>;
  readonly pods: PodFiles;
  readonly volumes: VolumeFiles;
  readonly mounter: Mounter;
  readonly subPaths: SubPaths;
  /** What lies beside the mounts of storage drivers. */
  readonly storage: StorageFiles;
  /** Sockets of plug-ins. */
  readonly plugins: PluginSockets;
  readonly userNamespaces: UserNamespaceFiles;
  readonly pullRecords: PullRecordFiles;
  /** Resources that pods were allocated, and those that their containers were given. */
  readonly allocated: ResourceRecordFile;
  readonly actuated: ResourceRecordFile;
  /** Log directories of pods. */
  readonly logs: PodLeftovers;
  readonly rotation: RotationFiles;
  /** `staticPodPath` */
  manifests(path: string): ManifestFiles;
  /** `staticPodURL` */
  manifestUrl(url: string, headers: Readonly<Record<string, readonly string[]>>): ManifestUrl;
}

export interface Readings {
  readonly cgroups: CgroupReadings;
  readonly directories: DirectoryReadings;
  readonly machine: MachineReadings;
}

export interface CertificateAdapters {
  store(purpose: 'client' | 'server'): CertificateStore;
  readonly requests: RequestMaker;
  /** Keys for pods' own certificates. */
  readonly stubs: StubMaker;
}
