import { quantityToMilli, quantityToUnits } from '@nodeagent/base';
import { ConfigError } from '@nodeagent/component-base';

import type { PodAdmissionRules } from '../../admission/index.js';
import type { KubeletConfig } from '../../config/index.js';
import type { PullRules } from '../../images/index.js';
import type { ResizeRules } from '../../resize/index.js';
import { allPodsValues, type PodCgroupRules } from '../../resources/index.js';
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
 * The range of user ids for pods that want ids of their own.
 *
 * @throws {ConfigError} for ids that pods cannot be given
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

/** What all pods together may use: the machine less what is reserved. */
export function allPodsLimits(
  { systemReserved, kubeReserved }: Pick<KubeletConfig, 'systemReserved' | 'kubeReserved'>,
  { cpuCount, memoryBytes }: Pick<NodeMachine, 'cpuCount' | 'memoryBytes'>,
): ReturnType<typeof allPodsValues> {
  const parts = [systemReserved, kubeReserved].map((reserve) => ({
    cpuMilli: quantityToMilli(reserve['cpu'] ?? 0n),
    memoryBytes: quantityToUnits(reserve['memory'] ?? 0n),
  }));
  return allPodsValues({ cpuMilli: cpuCount * 1000, memoryBytes }, parts);
}

export function cgroupRules(
  config: Pick<KubeletConfig, 'cpuCFSQuota' | 'cpuCfsQuotaPeriodMs' | 'podPidsLimit'>,
): PodCgroupRules {
  return {
    cpuCfsQuota: config.cpuCFSQuota,
    cpuPeriodUs: config.cpuCfsQuotaPeriodMs * 1000,
    podPidsLimit: config.podPidsLimit,
  };
}

/**
 * How long a container that crashes waits for its restart. The configured maximum, where it may be
 * configured, goes before the shorter waits that a feature gate brings.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet.go, newCrashLoopBackOff
 */
export function crashLoopRules({
  featureGates,
  crashLoopBackOff,
}: Pick<KubeletConfig, 'featureGates' | 'crashLoopBackOff'>): CrashLoopRules {
  const isReduced = featureGates['ReduceDefaultCrashLoopBackOffDecay'] ?? false;
  const { initialMs, maxMs } = isReduced ? REDUCED_CRASH_LOOP_RULES : DEFAULT_CRASH_LOOP_RULES;
  const isConfigured = featureGates['KubeletCrashLoopBackOffMax'] ?? true;
  const cap = isConfigured ? crashLoopBackOff.maxContainerRestartPeriodMs : maxMs;
  return { initialMs: Math.min(initialMs, cap), maxMs: cap };
}

const REDUCED_CRASH_LOOP_RULES: CrashLoopRules = { initialMs: 1000, maxMs: 60_000 };

/** What a running pod may not be given. */
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

/** How images are pulled: one at a time unless the configuration says otherwise. */
export function pullRules(config: KubeletConfig): PullRules {
  const { serializeImagePulls, maxParallelImagePulls, registryPullQPS, registryBurst } = config;
  const concurrency = serializeImagePulls ? 1 : maxParallelImagePulls;
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

/** What this machine's kernel and the configuration allow pods. */
export function admissionRules(
  config: Pick<KubeletConfig, 'allowedUnsafeSysctls' | 'featureGates'>,
  { kernel, appArmor }: Pick<NodeMachine, 'kernel' | 'appArmor'>,
): PodAdmissionRules {
  return {
    sysctls: { kernel, allowedUnsafe: config.allowedUnsafeSysctls },
    appArmor,
    features: {
      declared: new Set(declaredFeatures(config)),
      podLevelResources: config.featureGates['PodLevelResources'] ?? true,
    },
  };
}
