import { FEATURE_GATES, type Problem } from '@nodeagent/component-base';

import { unsafeSysctlProblem } from '../../admission/index.js';
import { allowlistProblem } from '../../images/index.js';
import { tlsProblems } from '../../server/index.js';
import type { KubeletConfig } from '../model/config.js';
import type { ConfigFile } from '../model/config-file.js';

interface Rule {
  readonly field: keyof ConfigFile;
  readonly message: string;
  readonly broken: (config: KubeletConfig) => boolean;
}

const SECOND = 1000;
const RESERVABLE = ['cpu', 'memory', 'ephemeral-storage', 'pid'];

/** Rules that look at more than one field, or that a type cannot say. */
const RULES: readonly Rule[] = [
  {
    field: 'imageGCLowThresholdPercent',
    message: 'must be below imageGCHighThresholdPercent',
    broken: (c) => c.imageGCLowThresholdPercent >= c.imageGCHighThresholdPercent,
  },
  {
    field: 'imageMaximumGCAge',
    message: 'must be 0s or more than imageMinimumGCAge',
    broken: (c) => c.imageMaximumGcAgeMs !== 0 && c.imageMaximumGcAgeMs <= c.imageMinimumGcAgeMs,
  },
  {
    field: 'imageMinimumGCAge',
    message: 'must not be negative',
    broken: (c) => c.imageMinimumGcAgeMs < 0,
  },
  {
    field: 'syncFrequency',
    message: 'must be more than 0s',
    broken: (c) => c.syncFrequencyMs <= 0,
  },
  {
    field: 'cpuCFSQuotaPeriod',
    message: 'must be 1ms to 1s',
    broken: (c) => c.cpuCfsQuotaPeriodMs < 1 || c.cpuCfsQuotaPeriodMs > SECOND,
  },
  {
    field: 'systemCgroups',
    message: 'needs cgroupRoot',
    broken: (c) => c.systemCgroups !== '' && c.cgroupRoot === '',
  },
  {
    field: 'maxParallelImagePulls',
    message: 'may be more than 1 only with serializeImagePulls: false',
    broken: (c) => (c.maxParallelImagePulls ?? 1) > 1 && c.serializeImagePulls,
  },
  {
    field: 'tlsCertFile',
    message: 'needs tlsPrivateKeyFile, as that needs it',
    broken: (c) => (c.tlsCertFile === '') !== (c.tlsPrivateKeyFile === ''),
  },
  {
    field: 'readOnlyPort',
    message: 'must not be port',
    broken: (c) => c.readOnlyPort === c.port,
  },
  {
    field: 'userNamespaces',
    message: 'idsPerPod must be a multiple of 65536',
    broken: (c) => c.userNamespaces.idsPerPod % 65_536 !== 0,
  },
  {
    field: 'tracing',
    message: 'endpoint must be host:port, dns:…, unix:… or unix-abstract:…',
    broken: ({ tracing }) => /^(?!dns:|unix:|unix-abstract:)\w+:\/\//.test(tracing?.endpoint ?? ''),
  },
  { field: 'runOnce', message: 'must be false', broken: (c) => c.runOnce },
  {
    field: 'shutdownGracePeriodCriticalPods',
    message: 'must not be more than shutdownGracePeriod',
    broken: (c) => c.shutdownGracePeriodCriticalPodsMs > c.shutdownGracePeriodMs,
  },
  {
    field: 'shutdownGracePeriod',
    message: 'must be 0s, or 1s or more',
    broken: (c) => isShort(c.shutdownGracePeriodMs),
  },
  {
    field: 'shutdownGracePeriodByPodPriority',
    message: 'excludes shutdownGracePeriod',
    broken: (c) => isGiven(c.shutdownGracePeriodByPodPriority) && c.shutdownGracePeriodMs !== 0,
  },
  {
    field: 'crashLoopBackOff',
    message: 'maxContainerRestartPeriod must be 1s to 300s',
    broken: ({ crashLoopBackOff: { maxContainerRestartPeriodMs: ms } }) =>
      ms < SECOND || ms > 300 * SECOND,
  },
  {
    field: 'enforceNodeAllocatable',
    message: 'must not name anything beside none, nor twice, nor a group without its cgroup field',
    broken: isBadEnforcement,
  },
  {
    field: 'containerRuntimeEndpoint',
    message: 'must not be empty',
    broken: (c) => c.containerRuntimeEndpoint === '',
  },
  {
    field: 'enableSystemLogQuery',
    message: 'needs enableSystemLogHandler',
    broken: (c) => c.enableSystemLogQuery && !c.enableSystemLogHandler,
  },
  {
    field: 'containerLogMonitorInterval',
    message: 'must be 3s or more',
    broken: (c) => c.containerLogMonitorIntervalMs < 3 * SECOND,
  },
  {
    field: 'podLogsDir',
    message: 'must be an absolute path without "." and "..", in ASCII',
    broken: (c) => !/^(\/[!-.0-~]+)+$/.test(c.podLogsDir) || /\/\.\.?(\/|$)/.test(c.podLogsDir),
  },
  {
    field: 'memoryThrottlingFactor',
    message: 'must be more than 0 and at most 1',
    broken: ({ memoryThrottlingFactor: factor }) =>
      typeof factor === 'number' && (factor <= 0 || factor > 1),
  },
  {
    field: 'preloadedImagesVerificationAllowlist',
    message: 'needs imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages',
    broken: (c) =>
      c.preloadedImagesVerificationAllowlist.length > 0 &&
      c.imagePullCredentialsVerificationPolicy !== 'NeverVerifyAllowlistedImages',
  },
  {
    field: 'reservedSystemCPUs',
    message: 'excludes systemReservedCgroup and kubeReservedCgroup',
    broken: (c) =>
      c.reservedSystemCPUs !== '' && (c.systemReservedCgroup !== '' || c.kubeReservedCgroup !== ''),
  },
  ...(['systemReserved', 'kubeReserved'] as const).map((field) => ({
    field,
    message: `only ${RESERVABLE.join(', ')} can be reserved`,
    broken: (c: KubeletConfig) => Object.keys(c[field]).some((key) => !RESERVABLE.includes(key)),
  })),
];

function isShort(ms: number): boolean {
  return ms !== 0 && ms < SECOND;
}

function isGiven(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function isBadEnforcement(config: KubeletConfig): boolean {
  const wanted = config.enforceNodeAllocatable;
  if (new Set(wanted).size !== wanted.length) return true;
  if (wanted.includes('none')) return wanted.length > 1;
  const groups = [
    ['system-reserved', config.systemReservedCgroup],
    ['kube-reserved', config.kubeReservedCgroup],
  ] as const;
  if (!config.cgroupsPerQOS && wanted.length > 0) return true;
  return groups.some(([name, cgroup]) => {
    const plain = wanted.includes(name);
    const compressible = wanted.includes(`${name}-compressible`);
    return (plain && compressible) || ((plain || compressible) && cgroup === '');
  });
}

/** Everything that is wrong with a configuration whose fields are right one by one. */
export function configProblems(file: ConfigFile, config: KubeletConfig): readonly Problem[] {
  const unknownGates = Object.keys(config.featureGates).filter((gate) => !FEATURE_GATES.has(gate));
  const broken = RULES.filter(({ broken }) => broken(config)).map(({ field, message }) => ({
    field,
    message: `${message}, found ${JSON.stringify(config.document[field])}`,
  }));
  const sysctls = config.allowedUnsafeSysctls.flatMap((entry) => {
    const message = unsafeSysctlProblem(entry);
    return message === undefined ? [] : [{ field: 'allowedUnsafeSysctls', message }];
  });
  const gates = unknownGates.map((gate) => ({
    field: 'featureGates',
    message: `unrecognized feature gate: ${gate}`,
  }));
  const patterns = config.preloadedImagesVerificationAllowlist.flatMap((pattern) => {
    const message = allowlistProblem(pattern);
    return message === undefined
      ? []
      : [{ field: 'preloadedImagesVerificationAllowlist', message }];
  });
  return [...broken, ...tlsProblems(file), ...sysctls, ...gates, ...patterns];
}
