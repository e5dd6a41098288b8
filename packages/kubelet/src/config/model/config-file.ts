import {
  type DocumentOf,
  featureGates,
  flag,
  integer,
  oneOf,
  orDefault,
  text,
} from '@nodeagent/component-base/config-fields';
import { logging } from '@nodeagent/component-base/logging-fields';
import * as z from 'zod/mini';

import { bytes, cpus, duration, list, reserved, texts, thresholds, written } from './fields.js';

/** The only version of the file that Kubernetes 1.36 has. */
export const CONFIG_KIND = {
  apiVersions: ['kubelet.config.k8s.io/v1beta1'],
  kind: 'KubeletConfiguration',
} as const;

/**
 * A KubeletConfiguration with its defaults; fields have the file's names. Values that the program
 * needs in another form are parsed, and keep their original text.
 *
 * @see Kubernetes 1.36 pkg/kubelet/apis/config/v1beta1/defaults.go, ../validation/validation.go
 */
export type ConfigFile = z.output<typeof configSchema>;

/** The same configuration as a plain document, as a file would contain it. */
export type ConfigDocument = DocumentOf<ConfigFile>;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const taint = z.strictObject({
  key: z.string().check(z.minLength(1)),
  value: text(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'], {
    error: 'must be NoSchedule, PreferNoSchedule or NoExecute',
  }),
});

const authentication = z.strictObject({
  anonymous: orDefault(z.strictObject({ enabled: flag(false) }), { enabled: false }),
  webhook: orDefault(z.strictObject({ enabled: flag(true), cacheTTL: duration(2 * MINUTE) }), {
    enabled: true,
    cacheTTL: written(2 * MINUTE),
  }),
  x509: orDefault(z.strictObject({ clientCAFile: text() }), { clientCAFile: '' }),
});

const authorization = z.strictObject({
  mode: oneOf(['AlwaysAllow', 'Webhook'], 'Webhook'),
  webhook: orDefault(
    z.strictObject({
      cacheAuthorizedTTL: duration(5 * MINUTE),
      cacheUnauthorizedTTL: duration(30 * SECOND),
    }),
    { cacheAuthorizedTTL: written(5 * MINUTE), cacheUnauthorizedTTL: written(30 * SECOND) },
  ),
});

const shutdownPriority = z.strictObject({
  priority: integer(0),
  shutdownGracePeriodSeconds: integer(0, 0),
});

const memoryReservation = z.strictObject({
  numaNode: integer(0, 0),
  limits: texts(),
});

const tracing = z.strictObject({
  endpoint: text('localhost:4317'),
  samplingRatePerMillion: integer(0, 0, 1_000_000),
});

const server = {
  enableServer: flag(true),
  address: text('0.0.0.0'),
  port: integer(10_250, 1, 65_535),
  readOnlyPort: integer(0, 0, 65_535),
  tlsCertFile: text(),
  tlsPrivateKeyFile: text(),
  tlsCipherSuites: list(),
  tlsMinVersion: text(),
  tlsCurvePreferences: list(),
  rotateCertificates: flag(),
  serverTLSBootstrap: flag(),
  authentication: orDefault(authentication, {
    anonymous: { enabled: false },
    webhook: { enabled: true, cacheTTL: written(2 * MINUTE) },
    x509: { clientCAFile: '' },
  }),
  authorization: orDefault(authorization, {
    mode: 'Webhook',
    webhook: {
      cacheAuthorizedTTL: written(5 * MINUTE),
      cacheUnauthorizedTTL: written(30 * SECOND),
    },
  }),
  enableDebuggingHandlers: flag(true),
  enableContentionProfiling: flag(),
  enableProfilingHandler: flag(true),
  enableDebugFlagsHandler: flag(true),
  enableSystemLogHandler: flag(true),
  enableSystemLogQuery: flag(),
  healthzPort: integer(10_248, 0, 65_535),
  healthzBindAddress: text('127.0.0.1'),
  streamingConnectionIdleTimeout: duration(4 * HOUR),
  showHiddenMetricsForVersion: text(),
} as const;

const podSources = {
  staticPodPath: text(),
  staticPodURL: text(),
  staticPodURLHeader: orDefault(z.record(z.string(), z.array(z.string())), {}),
  syncFrequency: duration(MINUTE),
  fileCheckFrequency: duration(20 * SECOND),
  httpCheckFrequency: duration(20 * SECOND),
  podLogsDir: text('/var/log/pods'),
  runOnce: flag(),
} as const;

const images = {
  registryPullQPS: integer(5, 0),
  registryBurst: integer(10, 0),
  imagePullCredentialsVerificationPolicy: oneOf(
    ['NeverVerify', 'NeverVerifyPreloadedImages', 'NeverVerifyAllowlistedImages', 'AlwaysVerify'],
    'NeverVerifyPreloadedImages',
  ),
  preloadedImagesVerificationAllowlist: list(),
  serializeImagePulls: flag(true),
  maxParallelImagePulls: z.optional(z.nullable(z.int().check(z.minimum(1)))),
  imageMinimumGCAge: duration(2 * MINUTE),
  imageMaximumGCAge: duration(0),
  imageGCHighThresholdPercent: integer(85, 0, 100),
  imageGCLowThresholdPercent: integer(80, 0, 100),
} as const;

const api = {
  eventRecordQPS: integer(50, 0),
  eventBurst: integer(100, 0),
  kubeAPIQPS: integer(50, 0),
  kubeAPIBurst: integer(100, 0),
  contentType: text('application/vnd.kubernetes.protobuf'),
  configMapAndSecretChangeDetectionStrategy: oneOf(['Watch', 'Cache', 'Get'], 'Watch'),
} as const;

const node = {
  clusterDomain: text(),
  clusterDNS: list(),
  nodeStatusUpdateFrequency: duration(10 * SECOND),
  nodeStatusReportFrequency: duration(0),
  nodeLeaseDurationSeconds: integer(40, 1),
  nodeStatusMaxImages: integer(50, -1),
  registerNode: flag(true),
  registerWithTaints: orDefault(z.array(taint), []),
  providerID: text(),
  podCIDR: text(),
  maxPods: integer(110, 0),
  podsPerCore: integer(0, 0),
  enableControllerAttachDetach: flag(true),
  resolvConf: z.optional(z.nullable(z.string())),
  shutdownGracePeriod: duration(0),
  shutdownGracePeriodCriticalPods: duration(0),
  shutdownGracePeriodByPodPriority: orDefault(z.array(shutdownPriority), []),
} as const;

const resources = {
  cgroupRoot: text(),
  cgroupsPerQOS: flag(true),
  cgroupDriver: oneOf(['cgroupfs', 'systemd'], 'cgroupfs'),
  kubeletCgroups: text(),
  systemCgroups: text(),
  failCgroupV1: flag(true),
  cpuManagerPolicy: oneOf(['none', 'static'], 'none'),
  cpuManagerPolicyOptions: texts(),
  cpuManagerReconcilePeriod: duration(10 * SECOND),
  memoryManagerPolicy: oneOf(['None', 'Static'], 'None'),
  topologyManagerPolicy: oneOf(['none', 'best-effort', 'restricted', 'single-numa-node'], 'none'),
  topologyManagerScope: oneOf(['container', 'pod'], 'container'),
  topologyManagerPolicyOptions: texts(),
  qosReserved: texts(),
  reservedMemory: orDefault(z.array(memoryReservation), []),
  podPidsLimit: integer(-1),
  cpuCFSQuota: flag(true),
  cpuCFSQuotaPeriod: duration(100),
  systemReserved: reserved(),
  kubeReserved: reserved(),
  reservedSystemCPUs: cpus(),
  systemReservedCgroup: text(),
  kubeReservedCgroup: text(),
  enforceNodeAllocatable: orDefault(
    z.array(
      z.enum(
        [
          'none',
          'pods',
          'system-reserved',
          'system-reserved-compressible',
          'kube-reserved',
          'kube-reserved-compressible',
        ],
        { error: 'must be none, pods, or a reserved group' },
      ),
    ),
    ['pods'],
  ),
  oomScoreAdj: integer(-999, -1000, 1000),
  failSwapOn: flag(true),
  memorySwap: orDefault(
    z.strictObject({ swapBehavior: oneOf(['', 'NoSwap', 'LimitedSwap'], '') }),
    { swapBehavior: '' },
  ),
  memoryThrottlingFactor: z.optional(z.nullable(z.number())),
  memoryReservationPolicy: oneOf(['', 'None', 'TieredReservation'], 'None'),
  singleProcessOOMKill: z.optional(z.nullable(z.boolean())),
  maxOpenFiles: integer(1_000_000, 0),
  localStorageCapacityIsolation: flag(true),
  volumeStatsAggPeriod: duration(MINUTE),
  volumePluginDir: text('/usr/libexec/kubernetes/kubelet-plugins/volume/exec/'),
  allowedUnsafeSysctls: list(),
  kernelMemcgNotification: flag(),
  protectKernelDefaults: flag(),
  userNamespaces: orDefault(z.strictObject({ idsPerPod: integer(65_536, 65_536, 2 ** 31) }), {
    idsPerPod: 65_536,
  }),
} as const;

const eviction = {
  evictionHard: thresholds(),
  evictionSoft: texts(),
  evictionSoftGracePeriod: texts(),
  evictionMinimumReclaim: texts(),
  evictionPressureTransitionPeriod: duration(5 * MINUTE),
  evictionMaxPodGracePeriod: integer(0),
  mergeDefaultEvictionSettings: flag(),
} as const;

const rest = {
  apiVersion: text(),
  kind: text(),
  containerRuntimeEndpoint: text('unix:///run/containerd/containerd.sock'),
  imageServiceEndpoint: text(),
  runtimeRequestTimeout: duration(2 * MINUTE),
  hairpinMode: oneOf(['promiscuous-bridge', 'hairpin-veth', 'none'], 'promiscuous-bridge'),
  makeIPTablesUtilChains: flag(true),
  iptablesMasqueradeBit: integer(14, 0, 31),
  iptablesDropBit: integer(15, 0, 31),
  containerLogMaxSize: bytes('10Mi', 10 * 2 ** 20),
  containerLogMaxFiles: integer(5, 2),
  containerLogMaxWorkers: integer(1, 1),
  containerLogMonitorInterval: duration(10 * SECOND),
  crashLoopBackOff: orDefault(z.strictObject({ maxContainerRestartPeriod: duration(5 * MINUTE) }), {
    maxContainerRestartPeriod: written(5 * MINUTE),
  }),
  featureGates: featureGates(),
  seccompDefault: flag(),
  logging: logging(),
  tracing: z.optional(z.nullable(tracing)),
} as const;

/** Every field of v1beta1. */
export const configSchema = z.strictObject({
  ...server,
  ...podSources,
  ...images,
  ...api,
  ...node,
  ...resources,
  ...eviction,
  ...rest,
});

/** Names of all fields at the top level, without those that every configuration file has. */
export const CONFIG_FIELDS: readonly string[] = Object.keys(configSchema.shape).filter(
  (name) => name !== 'apiVersion' && name !== 'kind',
);
