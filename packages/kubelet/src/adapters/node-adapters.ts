import { createHmac, randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';

import type { Clock, Logger, Metrics } from '@nodeagent/base';
import { createCgroupReadings, openTree } from '@nodeagent/cgroups/linux';
import { adjustOomScore, createProfiler, limitOpenFiles } from '@nodeagent/component-base/process';
import { readLogBytes } from '@nodeagent/cri-client/logs';
import { createProcFacts } from '@nodeagent/node-status/proc';
import { createGrpcProber } from '@nodeagent/probes/grpc';
import { createHttpProber } from '@nodeagent/probes/http';
import { createTcpProber } from '@nodeagent/probes/tcp';

import { readMachine } from '../assembly/adapters/read-machine.js';
import {
  completeIdentity,
  containerLogsDir,
  healthListener,
  type KubeletAdapters,
  type KubeletFiles,
  type KubeletIdentity,
  type NodeMachine,
} from '../assembly/index.js';
import type { KubeletConfig } from '../config/index.js';
import { createCertificateStore } from '../credentials/adapters/certificate-store.js';
import { createDockerConfigReader } from '../credentials/adapters/docker-config.js';
import { readCredentialProviders } from '../credentials/adapters/provider-files.js';
import { createProviderPrograms } from '../credentials/adapters/provider-program.js';
import { createRequestMaker, createStubMaker } from '../credentials/adapters/request-maker.js';
import type { CredentialAdapters } from '../credentials/index.js';
import { createLoopDevices } from '../disks/adapters/loop-devices.js';
import { createStorageCommands } from '../disks/adapters/storage-commands.js';
import { createStorageFiles } from '../disks/adapters/storage-files.js';
import { createPullRecordFiles } from '../images/adapters/pull-record-files.js';
import { createRotationFiles } from '../logs/adapters/rotation-files.js';
import { createFilterProgram } from '../node/adapters/filter-program.js';
import { createKernelLog } from '../node/adapters/kernel-log.js';
import { createKernelSettings } from '../node/adapters/kernel-settings.js';
import { createManagerCheckpoints } from '../node/adapters/manager-checkpoints.js';
import { createLogLinks } from '../reclaim/adapters/log-links.js';
import { createResourceRecordFile } from '../resize/adapters/resource-record-file.js';
import { callHook } from '../runtime/adapters/hook-caller.js';
import { createPodFiles } from '../runtime/adapters/pod-files.js';
import { createUserNamespaceFiles } from '../runtime/adapters/user-namespace-files.js';
import { createClientCa, createServingCertificate } from '../server/adapters/certificates.js';
import { createHealthServer } from '../server/adapters/health-server.js';
import { createJournal } from '../server/adapters/journal.js';
import { createPlainListener, createSecureListener } from '../server/adapters/listener.js';
import { createSystemLogs } from '../server/adapters/system-logs.js';
import type { NodeServerAdapters } from '../server/index.js';
import { createLogind } from '../shutdown/adapters/logind.js';
import { createShutdownStateFile } from '../shutdown/adapters/state-file.js';
import { createManifestFiles } from '../sources/adapters/manifest-files.js';
import { createManifestUrl } from '../sources/adapters/manifest-url.js';
import { createDirectoryReadings } from '../stats/adapters/directory-readings.js';
import { createMachineReadings } from '../stats/adapters/machine-readings.js';
import { createPluginSockets } from '../storage/adapters/plugin-sockets.js';
import { createMounter } from '../volumes/adapters/mounter.js';
import { createProjectQuotas } from '../volumes/adapters/project-quotas.js';
import { createSubPaths } from '../volumes/adapters/sub-path.js';
import { createVolumeFiles } from '../volumes/adapters/volume-files.js';
import { createLogDirectories } from '../workers/adapters/log-directories.js';

/** Parts of the machine that are elsewhere, or that only the program knows. */
export interface NodeAdapterOptions {
  /**
   * Credential provider plug-ins: their configuration, and the directory that holds their programs.
   */
  readonly credentialProviders?: Readonly<{ config: string; binDir: string }> | undefined;
  /** The machine's `/proc/sys`, if it is mounted elsewhere. */
  readonly procSys?: string | undefined;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Adapters of a real node; its process, its runtime and its API server supply the rest. */
export type NodeAdapters = Omit<
  KubeletAdapters,
  'clock' | 'random' | 'log' | 'metrics' | 'probeMetrics' | 'tracer' | 'openRuntime' | 'openApi'
>;

/** Creates the ports of this machine. Nothing on the machine changes before the kubelet runs. */
export async function createNodeAdapters(
  config: KubeletConfig,
  identity: KubeletIdentity,
  options: NodeAdapterOptions,
): Promise<NodeAdapters> {
  const { rootDir, certDir, nodeIps } = completeIdentity(identity);
  const { metrics, clock, log, credentialProviders } = options;
  const machine = await readMachine();
  const nowMs = (): number => clock.nowMs();
  return {
    machine,
    files: nodeFiles(config, rootDir),
    cgroups: (driver) => openTree({ driver, clock, log }),
    readings: {
      cgroups: createCgroupReadings({ nowMs }),
      directories: createDirectoryReadings(),
      machine: createMachineReadings({ nowMs }),
    },
    facts: createProcFacts({ rootDir }),
    prober: { http: createHttpProber(), tcp: createTcpProber(), grpc: createGrpcProber() },
    callHook,
    adjustOomScore: (score) => adjustOomScore(score, log),
    limitOpenFiles: (count) => limitOpenFiles(count, log),
    kernelSettings: createKernelSettings(options.procSys),
    kernelLog: createKernelLog(clock),
    filter: createFilterProgram(),
    certificates: {
      store: (purpose) => createCertificateStore(certDir, purpose),
      requests: createRequestMaker(),
      stubs: createStubMaker(),
    },
    pullCredentials: pullCredentials(rootDir, credentialProviders),
    health: createHealthServer({
      ...{ ...healthListener(config), metrics, clock, log },
    }),
    shutdown: { watch: createLogind({ clock, log }), file: createShutdownStateFile(rootDir) },
    server: serverAdapters({ machine, certDir, nodeIps, clock, log }),
  };
}

function nodeFiles(config: KubeletConfig, rootDir: string): KubeletFiles {
  const { podLogsDir } = config;
  const mounter = createMounter();
  return {
    makeDirectory: async (path) => {
      await mkdir(path, { recursive: true, mode: 0o750 });
    },
    pods: createPodFiles(rootDir),
    volumes: createVolumeFiles(),
    mounter,
    quotas: createProjectQuotas(),
    subPaths: createSubPaths(mounter),
    storage: createStorageFiles(),
    loops: createLoopDevices(),
    commands: createStorageCommands(),
    plugins: createPluginSockets(`${rootDir}/plugins_registry`),
    userNamespaces: createUserNamespaceFiles(rootDir),
    pullRecords: createPullRecordFiles(rootDir),
    allocated: createResourceRecordFile(rootDir, 'allocated_pods_state'),
    actuated: createResourceRecordFile(rootDir, 'actuated_pods_state'),
    checkpoints: createManagerCheckpoints(rootDir),
    logs: createLogDirectories({ podLogsDir, containerLogsDir: containerLogsDir(config) }),
    logLinks: createLogLinks(containerLogsDir(config)),
    rotation: createRotationFiles(),
    manifests: createManifestFiles,
    manifestUrl: createManifestUrl,
  };
}

function pullCredentials(
  rootDir: string,
  providers: NodeAdapterOptions['credentialProviders'],
): CredentialAdapters {
  return {
    nodeEntries: createDockerConfigReader(rootDir),
    readProviders: async ({ tokens }) => {
      if (providers === undefined) return undefined;
      const { config, binDir } = providers;
      const { providers: found, hash } = await readCredentialProviders(config, binDir, { tokens });
      return { providers: found, hash, call: createProviderPrograms(binDir) };
    },
  };
}

const SYSTEM_LOGS = '/var/log';

function serverAdapters({
  machine,
  certDir,
  nodeIps,
  clock,
  log,
}: Readonly<{
  machine: NodeMachine;
  certDir: string;
  nodeIps: readonly string[];
  clock: Clock;
  log: Logger;
}>): NodeServerAdapters {
  const digestKey = randomBytes(32);
  return {
    secureListener: createSecureListener,
    plainListener: createPlainListener,
    servingCertificate: (files) =>
      createServingCertificate({
        ...{ files, clock, log },
        directory: certDir,
        hostName: machine.hostName,
        addresses: nodeIps,
      }),
    clientCa: (path) => createClientCa(path, { clock, log }),
    readLog: readLogBytes,
    systemLogs: createSystemLogs(SYSTEM_LOGS),
    journal: createJournal(),
    profiler: createProfiler(),
    digest: (text) => createHmac('sha256', digestKey).update(text).digest('base64'),
    program: {
      startedAtMs: clock.nowMs() - process.uptime() * 1000,
      runtimeVersion: process.version,
    },
  };
}
