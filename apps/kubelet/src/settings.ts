import { dirname, join } from 'node:path';

import { parseQuantity, quantityToMilli, quantityToUnits } from '@nodeagent/base';
import { ConfigError } from '@nodeagent/component-base';
import {
  allPodsValues,
  type CrashLoopRules,
  DEFAULT_CRASH_LOOP_RULES,
  defaultIdRange,
  hardThresholds,
  type IdRange,
  loopbacksOf,
  maySwap,
  type KubeletConfig,
  type PodCgroupRules,
  type PullRules,
  rangeProblem,
  type ResizeRules,
  type RuntimeMachine,
  type RuntimeSettings,
  statusReportMs,
  subIdRange,
} from '@nodeagent/kubelet';
import { type NodeConfig, withNodeDefaults } from '@nodeagent/node-status';

import type { Options } from './options.js';

export const VERSION = 'v1.36.0';

/** What of the machine decides how containers are made. */
export interface Machine {
  readonly memoryBytes: number;
  readonly isCgroupV2: boolean;
  readonly runtime: RuntimeMachine;
}

/** Where log collectors look for the logs of containers. */
export function containerLogsDir({ config }: Pick<Options, 'config'>): string {
  return join(dirname(config.podLogsDir), 'containers');
}

export function runtimeSettings(
  { config, rootDir, nodeIps }: Pick<Options, 'config' | 'rootDir' | 'nodeIps'>,
  { memoryBytes, isCgroupV2, runtime }: Machine,
): RuntimeSettings {
  const { limitsSwap, swapBytes } = runtime;
  const behavior = config.memorySwap.swapBehavior || 'NoSwap';
  const cgroups = isCgroupV2 ? 2 : 1;
  const swap = (cgroups === 2 ? limitsSwap.v2 : limitsSwap.v1)
    ? ({ cgroups, behavior, swapBytes } as const)
    : undefined;
  const oomGroup = isCgroupV2 && config.singleProcessOOMKill !== true;
  return {
    podLogsDir: config.podLogsDir,
    containerLogsDir: containerLogsDir({ config }),
    clusterDomain: config.clusterDomain,
    clusterDns: config.clusterDNS,
    resolvConfPath: config.resolvConf ?? '/etc/resolv.conf',
    loopbacks: loopbacksOf(nodeIps),
    cpuCfsQuota: config.cpuCFSQuota,
    cpuPeriodUs: config.cpuCFSQuotaPeriod * 1000,
    memoryCapacityBytes: memoryBytes,
    unified: oomGroup ? { 'memory.oom.group': '1' } : {},
    seccompDefault: config.seccompDefault,
    seccompDir: `${rootDir}/seccomp`,
    maskedPaths: runtime.maskedPaths,
    selinux: runtime.selinux,
    hugepageKib: runtime.hugepageKib,
    ...(swap !== undefined && { swap }),
    stopSignals: config.featureGates['ContainerStopSignals'] ?? false,
  };
}

/**
 * User ids for pods that want their own.
 *
 * @param subIds what the system says of the user `kubelet`; undefined when it has no such user
 * @throws {ConfigError} for ids that pods cannot be given
 */
export function idRange(
  { config, placeOf }: Options,
  subIds: Readonly<{ uids: string; gids: string }> | undefined,
): IdRange {
  const { maxPods, userNamespaces } = config;
  const { idsPerPod } = userNamespaces;
  const range = subIds && subIdRange(subIds, { idsPerPod, maxPods });
  if (typeof range === 'object') return range;
  const whole = defaultIdRange(idsPerPod);
  const problem = range ?? rangeProblem(whole, maxPods);
  if (problem === undefined) return whole;
  const { source, field } = placeOf('userNamespaces');
  throw new ConfigError('CONFIG_INVALID', { source, problems: [{ field, message: problem }] });
}

/** What all pods together may have. */
export function allPodsLimits(
  { systemReserved, kubeReserved }: KubeletConfig,
  machine: Readonly<{ cpuCount: number; memoryBytes: number }>,
): ReturnType<typeof allPodsValues> {
  const { cpuCount, memoryBytes } = machine;
  const parts = [systemReserved, kubeReserved].map((reserve) => ({
    cpuMilli: quantityToMilli(parseQuantity(reserve['cpu'] ?? '0') ?? 0n),
    memoryBytes: quantityToUnits(parseQuantity(reserve['memory'] ?? '0') ?? 0n),
  }));
  return allPodsValues({ cpuMilli: cpuCount * 1000, memoryBytes }, parts);
}

export function cgroupRules(config: KubeletConfig): PodCgroupRules {
  return {
    cpuCfsQuota: config.cpuCFSQuota,
    cpuPeriodUs: config.cpuCFSQuotaPeriod * 1000,
    podPidsLimit: config.podPidsLimit,
  };
}

/**
 * How long containers that crash wait. What the configuration says goes before what the gate makes
 * shorter, as long as the configuration may say it.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet.go, newCrashLoopBackOff
 */
export function crashLoopRules({ featureGates, crashLoopBackOff }: KubeletConfig): CrashLoopRules {
  const isReduced = featureGates['ReduceDefaultCrashLoopBackOffDecay'] ?? false;
  const { initialMs, maxMs } = isReduced ? REDUCED_CRASH_LOOP_RULES : DEFAULT_CRASH_LOOP_RULES;
  const isConfigured = featureGates['KubeletCrashLoopBackOffMax'] ?? true;
  const cap = isConfigured ? crashLoopBackOff.maxContainerRestartPeriod : maxMs;
  return { initialMs: Math.min(initialMs, cap), maxMs: cap };
}

const REDUCED_CRASH_LOOP_RULES: CrashLoopRules = { initialMs: 1000, maxMs: 60_000 };

/** What pods may not be given while they run. */
export function resizeRules(config: KubeletConfig, settings: RuntimeSettings): ResizeRules {
  return {
    staticCpus: config.cpuManagerPolicy === 'static',
    staticMemory: config.memoryManagerPolicy === 'Static',
    maySwap: (pod, container) => maySwap(pod, container, settings),
  };
}

/** One at a time unless the configuration says otherwise. */
export function pullRules(config: KubeletConfig): PullRules {
  const { serializeImagePulls, maxParallelImagePulls, registryPullQPS, registryBurst } = config;
  const concurrency = serializeImagePulls ? 1 : (maxParallelImagePulls ?? undefined);
  const isVerified = config.featureGates['KubeletEnsureSecretPulledImages'] ?? true;
  const verification = {
    policy: config.imagePullCredentialsVerificationPolicy,
    allowlist: config.preloadedImagesVerificationAllowlist,
  };
  return {
    concurrency,
    qps: registryPullQPS,
    burst: registryBurst,
    ...(isVerified && { verification }),
  };
}

/**
 * Of what a scheduler asks nodes for, that which the kubelet does: pods whose rules restart all of
 * their containers go only to nodes that say so, and only there an API server lets pods as a whole, or
 * init containers, ask for other resources.
 *
 * @see Kubernetes 1.36 component-helpers/nodedeclaredfeatures/features
 */
const DECLARED = [
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'RestartAllContainersOnContainerExits',
];

export function declaredFeatures(config: KubeletConfig): readonly string[] {
  return DECLARED.filter((feature) => config.featureGates[feature] !== false);
}

export function nodeConfig(options: Options): NodeConfig {
  const { config, nodeName, nodeIps, nodeLabels, cloudProvider } = options;
  const thresholds = hardThresholds(config);
  const memory = thresholds.get('memory.available');
  const ephemeralStorage = thresholds.get('nodefs.available');
  return withNodeDefaults({
    nodeName,
    nodeIps,
    cloudProvider,
    ...(config.providerID !== '' && { providerId: config.providerID }),
    register: config.registerNode,
    labels: nodeLabels,
    taints: config.registerWithTaints,
    controllerManagedAttachDetach: config.enableControllerAttachDetach,
    systemReserved: quantities(config.systemReserved),
    kubeReserved: quantities(config.kubeReserved),
    evictionReserved: {
      ...(memory !== undefined && { memory }),
      ...(ephemeralStorage !== undefined && { ephemeralStorage }),
    },
    maxPods: config.maxPods,
    podsPerCore: config.podsPerCore,
    localStorageCapacityIsolation: config.localStorageCapacityIsolation,
    kubeletVersion: VERSION,
    kubeletPort: config.port,
    declaredFeatures: declaredFeatures(config),
    maxImages: config.nodeStatusMaxImages,
    updateEveryMs: config.nodeStatusUpdateFrequency,
    reportEveryMs: statusReportMs(config),
    leaseDurationSeconds: config.nodeLeaseDurationSeconds,
  });
}

function quantities(texts: Readonly<Record<string, string>>): Readonly<Record<string, bigint>> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, parseQuantity(text) ?? 0n]),
  );
}
