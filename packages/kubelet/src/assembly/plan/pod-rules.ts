import { ConfigError } from '@nodeagent/component-base';

import type { PodAdmissionRules } from '../../admission/index.js';
import type { KubeletConfig } from '../../config/index.js';
import type { PullRules } from '../../images/index.js';
import type { ResizeRules } from '../../resize/index.js';
import {
  allPodsValues,
  type PodCgroupRules,
  type ReservedCgroup,
  reservedCgroups,
  type ReservedRules,
} from '../../resources/index.js';
import type { RuntimeSettings } from '../../runtime/index.js';
import {
  defaultIdRange,
  type IdRange,
  maySwap,
  rangeProblem,
  subIdRange,
} from '../../runtime/index.js';
import { type CrashLoopRules, DEFAULT_CRASH_LOOP_RULES } from '../../workers/index.js';
import type { ConfigPlace } from '../model/identity.js';
import type { NodeMachine } from '../model/machine.js';
import { declaredFeatures } from './node-config.js';

/**
 * The range of host user ids for pods with user namespaces.
 *
 * @throws {ConfigError} if the range is invalid
 */
export function idRange(
  { maxPods, userNamespaces }: Pick<KubeletConfig, 'maxPods' | 'userNamespaces'>,
  subIds: NodeMachine['subIds'],
  placeOf: (field: string) => ConfigPlace,
): IdRange {
  const { idsPerPod } = userNamespaces;
  const range = subIds && subIdRange(subIds, { idsPerPod, maxPods });
  if (typeof range === 'object') return range;
  const whole = defaultIdRange(idsPerPod);
  const problem = range ?? rangeProblem(whole, maxPods);
  if (problem === undefined) return whole;
  const { source, field } = placeOf('userNamespaces');
  throw new ConfigError('CONFIG_INVALID', { source, problems: [{ field, message: problem }] });
}

/**
 * Limits for all pods together: the machine's capacity, minus reserved resources if
 * `enforceNodeAllocatable` names pods.
 */
export function allPodsLimits(
  config: Pick<KubeletConfig, 'enforceNodeAllocatable' | 'kubeReserved' | 'systemReserved'>,
  { cpuCount, memoryBytes }: Pick<NodeMachine, 'cpuCount' | 'memoryBytes'>,
  maxPids: number | undefined,
): ReturnType<typeof allPodsValues> {
  const { enforceNodeAllocatable, systemReserved, kubeReserved } = config;
  const isEnforced = enforceNodeAllocatable.includes('pods');
  const reserved = isEnforced ? [systemReserved, kubeReserved] : [];
  return allPodsValues({ cpuMilli: cpuCount * 1000, memoryBytes, maxPids }, reserved);
}

/** Cgroups outside of `kubepods` to limit to the resources reserved for them. */
export function reservedLimits(
  config: Pick<
    KubeletConfig,
    | 'enforceNodeAllocatable'
    | 'kubeReserved'
    | 'kubeReservedCgroup'
    | 'systemReserved'
    | 'systemReservedCgroup'
  >,
  more: Pick<ReservedRules, 'protectsMemory' | 'hugepageKib'> = {},
): readonly ReservedCgroup[] {
  return reservedCgroups({
    ...more,
    enforced: config.enforceNodeAllocatable,
    system: { path: config.systemReservedCgroup, reserve: config.systemReserved },
    kube: { path: config.kubeReservedCgroup, reserve: config.kubeReserved },
  });
}

/** Rules for the kernel's settings: changed for pods, or only checked. */
export function kernelRules({
  protectKernelDefaults,
}: Pick<KubeletConfig, 'protectKernelDefaults'>): Readonly<{ isProtected: boolean }> {
  return { isProtected: protectKernelDefaults };
}

/** True if the kubelet makes the chains of iptables that other components look for. */
export function hasUtilChains(config: Pick<KubeletConfig, 'makeIPTablesUtilChains'>): boolean {
  return config.makeIPTablesUtilChains;
}

export function cgroupRules(
  config: Pick<KubeletConfig, 'cpuCFSQuota' | 'cpuCfsQuotaPeriodMs' | 'podPidsLimit'>,
  more: Pick<PodCgroupRules, 'memoryQos' | 'hugepageKib'> = {},
): PodCgroupRules {
  return {
    cpuCfsQuota: config.cpuCFSQuota,
    cpuPeriodUs: config.cpuCfsQuotaPeriodMs * 1000,
    podPidsLimit: config.podPidsLimit,
    ...more,
  };
}

/**
 * Delays before a crashed container restarts. A configured maximum takes precedence over the
 * shorter delays of a feature gate.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet.go, newCrashLoopBackOff
 */
export function crashLoopRules({
  features,
  crashLoopBackOff,
}: Pick<KubeletConfig, 'features' | 'crashLoopBackOff'>): CrashLoopRules {
  const isReduced = features.ReduceDefaultCrashLoopBackOffDecay;
  const { initialMs, maxMs } = isReduced ? REDUCED_CRASH_LOOP_RULES : DEFAULT_CRASH_LOOP_RULES;
  const isConfigured = features.KubeletCrashLoopBackOffMax;
  const cap = isConfigured ? crashLoopBackOff.maxContainerRestartPeriodMs : maxMs;
  return { initialMs: Math.min(initialMs, cap), maxMs: cap };
}

const REDUCED_CRASH_LOOP_RULES: CrashLoopRules = { initialMs: 1000, maxMs: 60_000 };

/** Rules that limit how running pods may be resized. */
export function resizeRules(
  config: Pick<KubeletConfig, 'cpuManagerPolicy' | 'memoryManagerPolicy'>,
  settings: RuntimeSettings,
): ResizeRules {
  return {
    staticCpus: config.cpuManagerPolicy === 'static',
    staticMemory: config.memoryManagerPolicy === 'Static',
    maySwap: (pod, container) => maySwap(pod, container, settings),
  };
}

/** Rules for pulling images: one at a time by default. */
export function pullRules(config: KubeletConfig): PullRules {
  const { serializeImagePulls, maxParallelImagePulls, registryPullQPS, registryBurst } = config;
  const concurrency = serializeImagePulls ? 1 : maxParallelImagePulls;
  const isVerified = config.features.KubeletEnsureSecretPulledImages;
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

/** Rules about what pods may use, from this machine's kernel and the configuration. */
export function admissionRules(
  config: Pick<KubeletConfig, 'allowedUnsafeSysctls' | 'features'>,
  { kernel, appArmor }: Pick<NodeMachine, 'kernel' | 'appArmor'>,
): PodAdmissionRules {
  return {
    sysctls: { kernel, allowedUnsafe: config.allowedUnsafeSysctls },
    appArmor,
    features: {
      declared: new Set(declaredFeatures(config)),
      podLevelResources: config.features.PodLevelResources,
    },
  };
}
