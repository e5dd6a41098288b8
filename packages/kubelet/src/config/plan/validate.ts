import { PREVIOUS_VERSION, type Problem } from '@nodeagent/component-base';
import { loggingProblems } from '@nodeagent/component-base/logging-fields';

import { unsafeSysctlProblem } from '../../admission/index.js';
import { allowlistProblem } from '../../images/index.js';
import { tlsProblems } from '../../server/index.js';
import type { KubeletConfig } from '../model/config.js';
import type { ConfigFile } from '../model/config-file.js';
import { evictionProblems } from './eviction-problems.js';
import { gateProblems } from './gate-problems.js';
import { managerProblems } from './manager-problems.js';

interface Rule {
  readonly field: keyof ConfigFile;
  readonly message: string;
  readonly broken: (config: KubeletConfig) => boolean;
}

const SECOND = 1000;
const RESERVABLE = ['cpu', 'memory', 'ephemeral-storage', 'pid'];

/** Rules that involve more than one field, or that a type cannot express. */
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
    message: 'and tlsPrivateKeyFile must be set together',
    broken: (c) => (c.tlsCertFile === '') !== (c.tlsPrivateKeyFile === ''),
  },
  {
    field: 'readOnlyPort',
    message: 'must differ from port',
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
    message: 'cannot be combined with shutdownGracePeriod',
    broken: (c) => c.shutdownGracePeriodByPodPriority.length > 0 && c.shutdownGracePeriodMs !== 0,
  },
  {
    field: 'crashLoopBackOff',
    message: 'maxContainerRestartPeriod must be 1s to 300s',
    broken: ({ crashLoopBackOff: { maxContainerRestartPeriodMs: ms } }) =>
      ms < SECOND || ms > 300 * SECOND,
  },
  {
    field: 'enforceNodeAllocatable',
    message:
      'must not combine none with other values, repeat a value, or name a group whose cgroup field is empty',
    broken: isBadEnforcement,
  },
  {
    field: 'showHiddenMetricsForVersion',
    message: `must be the minor version before this one, ${PREVIOUS_VERSION}`,
    broken: (c) => !['', PREVIOUS_VERSION].includes(c.showHiddenMetricsForVersion),
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
    message: 'cannot be combined with systemReservedCgroup or kubeReservedCgroup',
    broken: (c) =>
      c.reservedCpus.size > 0 && (c.systemReservedCgroup !== '' || c.kubeReservedCgroup !== ''),
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

/** Every problem of a configuration whose fields are valid one by one. */
export function configProblems(file: ConfigFile, config: KubeletConfig): readonly Problem[] {
  const broken = RULES.filter(({ broken }) => broken(config)).map(({ field, message }) => ({
    field,
    message: `${message}, found ${JSON.stringify(config.document[field])}`,
  }));
  const sysctls = config.allowedUnsafeSysctls.flatMap((entry) => {
    const message = unsafeSysctlProblem(entry);
    return message === undefined ? [] : [{ field: 'allowedUnsafeSysctls', message }];
  });
  const patterns = config.preloadedImagesVerificationAllowlist.flatMap((pattern) => {
    const message = allowlistProblem(pattern);
    return message === undefined
      ? []
      : [{ field: 'preloadedImagesVerificationAllowlist', message }];
  });
  return [
    ...broken,
    ...tlsProblems(file),
    ...sysctls,
    ...patterns,
    ...evictionProblems(file),
    ...gateProblems(config),
    ...loggingProblems(file.logging, config.features),
    ...managerProblems(config),
  ];
}
