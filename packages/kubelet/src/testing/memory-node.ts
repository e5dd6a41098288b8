import type { Clock, Metrics } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { MemoryCgroups } from '@nodeagent/cgroups/testing';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';
import { createFixedFacts, type FixedFacts } from '@nodeagent/node-status/testing';
import { createScriptedProber, type ScriptedProber } from '@nodeagent/probes/testing';

import type { KubeletAdapters, NodeMachine } from '../assembly/index.js';
import type { MetricsPage } from '../server/run/index.js';
import { MemoryDisk } from './memory-disk.js';
import { MemoryKernelSettings } from './memory-kernel-settings.js';
import { createMemoryNodeFiles } from './memory-node-files.js';
import { MemoryDirectoryReadings, MemoryMachineReadings } from './memory-readings.js';

/** The simulated machine, and what its registry holds. */
export interface MemoryNodeOptions {
  /** The time of the kubelet, the runtime and the API; the system's clocks when absent. */
  readonly clock?: Clock;
  /** Default `/var/lib/kubelet`; must equal the root directory in the kubelet's identity. */
  readonly rootDir?: string;
  readonly machine?: Partial<NodeMachine>;
  /** Images that the runtime can pull. */
  readonly images?: readonly string[];
  /** Without an API server: only static pods run. */
  readonly standalone?: boolean;
  /** Paths of cgroups that other programs have created. */
  readonly otherCgroups?: readonly string[];
}

/** A node without a machine: its runtime, API server, disk and cgroups are in memory. */
export interface MemoryNode {
  readonly adapters: KubeletAdapters;
  /** The API server: the kubelet runs pods that are created here. */
  readonly api: MemoryKubeClient;
  readonly runtime: MemoryRuntime;
  readonly disk: MemoryDisk;
  readonly cgroups: MemoryCgroups;
  readonly facts: FixedFacts;
  readonly prober: ScriptedProber;
  readonly log: MemoryLogger;
  readonly metrics: MemoryMetrics;
  /** The scores that the kubelet gave itself for the kernel's OOM killer. */
  readonly oomScores: readonly number[];
  /** The limits of open files that the kubelet gave itself. */
  readonly openFileLimits: readonly number[];
  readonly kernelSettings: MemoryKernelSettings;
}

const MACHINE: NodeMachine = {
  hostName: 'memory-node',
  cpuCount: 2,
  onlineCpus: new Set([0, 1]),
  memoryBytes: 4 * 2 ** 30,
  swapAreas: [],
  kernel: [6, 12],
  cgroupVersion: 2,
  appArmor: false,
  runtime: {
    hugepageKib: [],
    maskedPaths: [],
    selinux: false,
    swapBytes: 0,
    limitsSwap: { v1: false, v2: true },
  },
  selinux: undefined,
  subIds: undefined,
};

/** Creates all adapters that a kubelet needs in a test, or in a demonstration without root. */
export function createMemoryNode(options: MemoryNodeOptions = {}): MemoryNode {
  const { clock = createSystemClock(), rootDir = '/var/lib/kubelet', standalone = false } = options;
  const api = createMemoryKubeClient({ clock });
  const disk = new MemoryDisk();
  const runtime = new MemoryRuntime({ clock, openLog: (path) => disk.append(path, '') });
  for (const image of options.images ?? []) runtime.images.publish(image);
  const cgroups = new MemoryCgroups({ clock });
  for (const path of options.otherCgroups ?? []) cgroups.set(path, {});
  const facts = createFixedFacts();
  const prober = createScriptedProber();
  const log = new MemoryLogger();
  const metrics = new MemoryMetrics();
  const oomScores: number[] = [];
  const openFileLimits: number[] = [];
  const kernelSettings = new MemoryKernelSettings();
  const machine = new MemoryMachineReadings();
  machine.fileSystems.set(runtime.images.filesystems.mountpoint, {
    ...{ atMs: clock.nowMs(), capacityBytes: 2 ** 40, availableBytes: 2 ** 39, usedBytes: 2 ** 39 },
    ...{ inodes: 1_000_000, inodesFree: 900_000 },
  });
  const random = (): number => 0.5;
  const adapters: KubeletAdapters = {
    ...{ clock, random, log, facts, prober },
    metrics: asPage(metrics),
    probeMetrics: asPage(new MemoryMetrics()),
    openRuntime: () => ({ runtime, images: runtime.images, close: () => undefined }),
    openApi: standalone ? undefined : async () => connectionTo(api),
    machine: { ...MACHINE, ...options.machine },
    files: createMemoryNodeFiles(disk, rootDir),
    cgroups: async () => cgroups.open(),
    readings: {
      cgroups: cgroups.readings,
      directories: new MemoryDirectoryReadings(),
      machine,
    },
    callHook: async () => 'answered',
    limitOpenFiles: async (count) => {
      openFileLimits.push(count);
    },
    adjustOomScore: async (score) => {
      oomScores.push(score);
    },
    kernelSettings,
    kernelLog: undefined,
    certificates: {
      store: () => ({
        current: async () => undefined,
        inspect: () => {
          throw new Error('no certificates in memory');
        },
        save: () => Promise.reject(new Error('no certificates in memory')),
      }),
      requests: { make: () => Promise.reject(new Error('no certificates in memory')) },
      stubs: { makeStub: () => Promise.reject(new Error('no certificates in memory')) },
    },
    pullCredentials: { nodeEntries: async () => [], readProviders: async () => undefined },
  };
  return {
    adapters,
    api,
    runtime,
    disk,
    cgroups,
    facts,
    prober,
    log,
    metrics,
    oomScores,
    openFileLimits,
    kernelSettings,
  };
}

function connectionTo(
  api: MemoryKubeClient,
): Awaited<ReturnType<NonNullable<KubeletAdapters['openApi']>>> {
  return {
    client: api,
    reviewer: api,
    bootstrap: undefined,
    rotatesClientCertificate: false,
    check: async () => undefined,
    close: () => undefined,
  };
}

function asPage(metrics: MemoryMetrics): Metrics & MetricsPage {
  return {
    counter: (spec) => metrics.counter(spec),
    gauge: (spec) => metrics.gauge(spec),
    histogram: (spec) => metrics.histogram(spec),
    contentType: 'text/plain',
    render: async () =>
      [...metrics.values].map(([series, value]) => `${series} ${value}\n`).join(''),
  };
}
