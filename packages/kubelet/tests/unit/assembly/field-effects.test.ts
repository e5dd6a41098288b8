import { expect, it } from 'vitest';

import { completeIdentity } from '../../../src/assembly/model/identity.js';
import type { NodeMachine } from '../../../src/assembly/model/machine.js';
import { evictionRules } from '../../../src/assembly/plan/eviction-rules.js';
import { gatedParts } from '../../../src/assembly/plan/gated-parts.js';
import { memoryQosRules } from '../../../src/assembly/plan/memory-qos-rules.js';
import { declaredFeatures, nodeConfig } from '../../../src/assembly/plan/node-config.js';
import {
  apiRateLimit,
  eventRateLimit,
  runtimeConnection,
} from '../../../src/assembly/plan/peer-rules.js';
import {
  admissionRules,
  allPodsLimits,
  cgroupRules,
  crashLoopRules,
  hasUtilChains,
  idRange,
  kernelRules,
  pullRules,
  reservedLimits,
  resizeRules,
} from '../../../src/assembly/plan/pod-rules.js';
import { imageGcPolicy } from '../../../src/assembly/plan/reclaim-rules.js';
import { runtimeSettings } from '../../../src/assembly/plan/runtime-settings.js';
import {
  callerRules,
  healthListener,
  logRotationRules,
  pageRules,
  plainListener,
  secureListener,
} from '../../../src/assembly/plan/server-rules.js';
import { shutdownRules } from '../../../src/assembly/plan/shutdown-rules.js';
import { objectTtlMs, staticSourcesOf } from '../../../src/assembly/plan/source-rules.js';
import { type KubeletConfig, parseKubeletConfig } from '../../../src/config/index.js';
const GIB = 2 ** 30;
const identity = completeIdentity({ nodeName: 'n1', nodeIps: ['10.0.0.1'] });
const machine: NodeMachine = {
  hostName: 'n1',
  cpuCount: 4,
  onlineCpus: new Set([0, 1, 2, 3]),
  memoryBytes: 8 * GIB,
  swapAreas: [],
  kernel: [6, 12],
  cgroupVersion: 2,
  appArmor: true,
  runtime: {
    hugepageKib: [],
    maskedPaths: [],
    selinux: false,
    swapBytes: GIB,
    limitsSwap: { v1: true, v2: true },
  },
  selinux: undefined,
  subIds: undefined,
};

const secureOf = (c: KubeletConfig) => secureListener(c);
const placeOf = (field: string) => ({ source: 'file', field });
const runtimeOf = (c: KubeletConfig) => runtimeSettings(c, identity, machine);
const nodeOf = (c: KubeletConfig) => nodeConfig(c, identity);

const SOFT = {
  evictionSoft: { 'memory.available': '1Gi' },
  evictionSoftGracePeriod: { 'memory.available': '5s' },
};

type Row = readonly [
  field: string,
  value: object,
  of: (config: KubeletConfig) => unknown,
  want: unknown,
];

/** A field, a value that is not its default, and the setting of a part of the kubelet that follows. */
const EFFECTS: readonly Row[] = [
  [
    'tlsCipherSuites',
    { tlsCipherSuites: ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'] },
    (c) => secureOf(c)?.tls.ciphers.endsWith(':ECDHE-RSA-AES128-GCM-SHA256'),
    true,
  ],
  [
    'tlsCurvePreferences',
    { tlsCurvePreferences: ['CurveP256'] },
    (c) => secureOf(c)?.tls.ecdhCurve,
    'P-256',
  ],
  ['staticPodPath', { staticPodPath: '/pods' }, (c) => staticSourcesOf(c).files?.path, '/pods'],
  [
    'fileCheckFrequency',
    { staticPodPath: '/pods', fileCheckFrequency: '3s' },
    (c) => staticSourcesOf(c).files?.checkMs,
    3000,
  ],
  [
    'staticPodURL',
    { staticPodURL: 'http://10.0.0.9/' },
    (c) => staticSourcesOf(c).url?.url,
    'http://10.0.0.9/',
  ],
  [
    'staticPodURLHeader',
    { staticPodURL: 'http://10.0.0.9/', staticPodURLHeader: { 'X-Id': ['1'] } },
    (c) => staticSourcesOf(c).url?.headers,
    { 'X-Id': ['1'] },
  ],
  [
    'httpCheckFrequency',
    { staticPodURL: 'http://10.0.0.9/', httpCheckFrequency: '4s' },
    (c) => staticSourcesOf(c).url?.checkMs,
    4000,
  ],
  [
    'configMapAndSecretChangeDetectionStrategy',
    { configMapAndSecretChangeDetectionStrategy: 'Get' },
    (c) => objectTtlMs(c, {}),
    0,
  ],
  [
    'configMapAndSecretChangeDetectionStrategy',
    { configMapAndSecretChangeDetectionStrategy: 'Cache' },
    (c) => objectTtlMs(c, { 'node.alpha.kubernetes.io/ttl': '15' }),
    15_000,
  ],
  ['enableServer', { enableServer: false }, (c) => secureOf(c), undefined],
  ['address', { address: '10.0.0.1' }, (c) => secureOf(c)?.address, '10.0.0.1'],
  ['port', { port: 10_260 }, (c) => secureOf(c)?.port, 10_260],
  ['readOnlyPort', { readOnlyPort: 10_255 }, (c) => plainListener(c)?.port, 10_255],
  [
    'tlsCertFile',
    { tlsCertFile: '/a.crt', tlsPrivateKeyFile: '/a.key' },
    (c) => secureOf(c)?.files?.certificate,
    '/a.crt',
  ],
  [
    'tlsPrivateKeyFile',
    { tlsCertFile: '/a.crt', tlsPrivateKeyFile: '/a.key' },
    (c) => secureOf(c)?.files?.key,
    '/a.key',
  ],
  [
    'tlsMinVersion',
    { tlsMinVersion: 'VersionTLS13' },
    (c) => secureOf(c)?.tls.minVersion,
    'TLSv1.3',
  ],
  ['serverTLSBootstrap', { serverTLSBootstrap: true }, (c) => secureOf(c)?.isIssued, true],
  [
    'streamingConnectionIdleTimeout',
    { streamingConnectionIdleTimeout: '5m' },
    (c) => secureOf(c)?.streamIdleTimeoutMs,
    300_000,
  ],
  [
    'authentication.x509.clientCAFile',
    { authentication: { x509: { clientCAFile: '/ca.crt' } } },
    (c) => secureOf(c)?.clientCaFile,
    '/ca.crt',
  ],
  [
    'authentication.anonymous.enabled',
    { authentication: { anonymous: { enabled: true } } },
    (c) => callerRules(c).anonymous,
    true,
  ],
  [
    'authentication.webhook.enabled',
    { authentication: { webhook: { enabled: false } } },
    (c) => callerRules(c).tokens,
    false,
  ],
  [
    'authentication.webhook.cacheTTL',
    { authentication: { webhook: { cacheTTL: '3s' } } },
    (c) => callerRules(c).tokenTtlMs,
    3000,
  ],
  [
    'authorization.mode',
    { authorization: { mode: 'AlwaysAllow' } },
    (c) => callerRules(c).authorization,
    'AlwaysAllow',
  ],
  [
    'authorization.webhook.cacheAuthorizedTTL',
    { authorization: { webhook: { cacheAuthorizedTTL: '4s' } } },
    (c) => callerRules(c).authorizedTtlMs,
    4000,
  ],
  [
    'authorization.webhook.cacheUnauthorizedTTL',
    { authorization: { webhook: { cacheUnauthorizedTTL: '5s' } } },
    (c) => callerRules(c).unauthorizedTtlMs,
    5000,
  ],
  ['enableDebuggingHandlers', { enableDebuggingHandlers: false }, (c) => pageRules(c).debug, false],
  [
    'enableSystemLogHandler',
    { enableSystemLogHandler: false },
    (c) => pageRules(c).systemLogs,
    false,
  ],
  [
    'enableProfilingHandler',
    { enableProfilingHandler: false },
    (c) => pageRules(c).profiles,
    false,
  ],
  [
    'enableDebugFlagsHandler',
    { enableDebugFlagsHandler: false },
    (c) => pageRules(c).verbosity,
    false,
  ],
  ['enableSystemLogQuery', { enableSystemLogQuery: true }, (c) => pageRules(c).journal, true],
  ['healthzPort', { healthzPort: 10_300 }, (c) => healthListener(c).port, 10_300],
  [
    'healthzBindAddress',
    { healthzBindAddress: '0.0.0.0' },
    (c) => healthListener(c).address,
    '0.0.0.0',
  ],
  [
    'containerLogMaxSize',
    { containerLogMaxSize: '1Mi' },
    (c) => logRotationRules(c).maxBytes,
    2 ** 20,
  ],
  ['imageMinimumGCAge', { imageMinimumGCAge: '3s' }, (c) => imageGcPolicy(c).minAgeMs, 3000],
  ['imageMaximumGCAge', { imageMaximumGCAge: '1h' }, (c) => imageGcPolicy(c).maxAgeMs, 3_600_000],
  [
    'imageGCHighThresholdPercent',
    { imageGCHighThresholdPercent: 91 },
    (c) => imageGcPolicy(c).highPercent,
    91,
  ],
  [
    'imageGCLowThresholdPercent',
    { imageGCLowThresholdPercent: 11 },
    (c) => imageGcPolicy(c).lowPercent,
    11,
  ],
  ['containerLogMaxFiles', { containerLogMaxFiles: 9 }, (c) => logRotationRules(c).maxFiles, 9],
  ['containerLogMaxWorkers', { containerLogMaxWorkers: 3 }, (c) => logRotationRules(c).workers, 3],
  [
    'containerLogMonitorInterval',
    { containerLogMonitorInterval: '3s' },
    (c) => logRotationRules(c).periodMs,
    3000,
  ],
  ['kubeAPIQPS', { kubeAPIQPS: 7 }, (c) => apiRateLimit(c).perSecond, 7],
  ['eventRecordQPS', { eventRecordQPS: 7 }, (c) => eventRateLimit(c).perSecond, 7],
  ['eventBurst', { eventBurst: 8 }, (c) => eventRateLimit(c).burst, 8],
  ['kubeAPIBurst', { kubeAPIBurst: 8 }, (c) => apiRateLimit(c).burst, 8],
  [
    'containerRuntimeEndpoint',
    { containerRuntimeEndpoint: 'unix:///run/crio.sock' },
    (c) => runtimeConnection(c).endpoint,
    'unix:///run/crio.sock',
  ],
  [
    'imageServiceEndpoint',
    { imageServiceEndpoint: 'unix:///run/images.sock' },
    (c) => runtimeConnection(c).imageEndpoint,
    'unix:///run/images.sock',
  ],
  [
    'runtimeRequestTimeout',
    { runtimeRequestTimeout: '9s' },
    (c) => runtimeConnection(c).requestTimeoutMs,
    9000,
  ],
  ['clusterDNS', { clusterDNS: ['10.96.0.10'] }, (c) => runtimeOf(c).clusterDns, ['10.96.0.10']],
  ['clusterDomain', { clusterDomain: 'corp' }, (c) => runtimeOf(c).clusterDomain, 'corp'],
  ['resolvConf', { resolvConf: '/run/dns' }, (c) => runtimeOf(c).resolvConfPath, '/run/dns'],
  ['podLogsDir', { podLogsDir: '/logs/pods' }, (c) => runtimeOf(c).podLogsDir, '/logs/pods'],
  ['cpuCFSQuota', { cpuCFSQuota: false }, (c) => runtimeOf(c).cpuCfsQuota, false],
  ['cpuCFSQuota', { cpuCFSQuota: false }, (c) => cgroupRules(c).cpuCfsQuota, false],
  ['cpuCFSQuotaPeriod', { cpuCFSQuotaPeriod: '5ms' }, (c) => runtimeOf(c).cpuPeriodUs, 5000],
  ['podPidsLimit', { podPidsLimit: 9 }, (c) => cgroupRules(c).podPidsLimit, 9],
  ['seccompDefault', { seccompDefault: true }, (c) => runtimeOf(c).seccompDefault, true],
  ['makeIPTablesUtilChains', { makeIPTablesUtilChains: false }, hasUtilChains, false],
  [
    'protectKernelDefaults',
    { protectKernelDefaults: true },
    (c) => kernelRules(c).isProtected,
    true,
  ],
  ['singleProcessOOMKill', { singleProcessOOMKill: true }, (c) => runtimeOf(c).unified, {}],
  [
    'memorySwap.swapBehavior',
    { memorySwap: { swapBehavior: 'LimitedSwap' } },
    (c) => runtimeOf(c).swap?.behavior,
    'LimitedSwap',
  ],
  [
    'allowedUnsafeSysctls',
    { allowedUnsafeSysctls: ['net.core.somaxconn'] },
    (c) => admissionRules(c, machine).sysctls.allowedUnsafe,
    ['net.core.somaxconn'],
  ],
  [
    'cpuManagerPolicy',
    { cpuManagerPolicy: 'static' },
    (c) => resizeRules(c, runtimeOf(c)).staticCpus,
    true,
  ],
  [
    'memoryManagerPolicy',
    { memoryManagerPolicy: 'Static' },
    (c) => resizeRules(c, runtimeOf(c)).staticMemory,
    true,
  ],
  [
    'crashLoopBackOff.maxContainerRestartPeriod',
    { crashLoopBackOff: { maxContainerRestartPeriod: '7s' } },
    (c) => crashLoopRules(c),
    { initialMs: 7000, maxMs: 7000 },
  ],
  [
    'serializeImagePulls',
    { serializeImagePulls: false },
    (c) => pullRules(c).concurrency,
    undefined,
  ],
  [
    'maxParallelImagePulls',
    { serializeImagePulls: false, maxParallelImagePulls: 3 },
    (c) => pullRules(c).concurrency,
    3,
  ],
  ['registryPullQPS', { registryPullQPS: 7 }, (c) => pullRules(c).qps, 7],
  ['registryBurst', { registryBurst: 8 }, (c) => pullRules(c).burst, 8],
  [
    'imagePullCredentialsVerificationPolicy',
    { imagePullCredentialsVerificationPolicy: 'AlwaysVerify' },
    (c) => pullRules(c).verification?.policy,
    'AlwaysVerify',
  ],
  [
    'preloadedImagesVerificationAllowlist',
    {
      imagePullCredentialsVerificationPolicy: 'NeverVerifyAllowlistedImages',
      preloadedImagesVerificationAllowlist: ['quay.io/a'],
    },
    (c) => pullRules(c).verification?.allowlist,
    ['quay.io/a'],
  ],
  [
    'systemReserved',
    { systemReserved: { cpu: '1' } },
    (c) => allPodsLimits(c, machine, 32_768).cpuShares,
    3 * 1024,
  ],
  [
    'kubeReserved',
    { kubeReserved: { memory: '1Gi' } },
    (c) => allPodsLimits(c, machine, 32_768).memoryLimitBytes,
    7 * GIB,
  ],
  [
    'systemReserved',
    { systemReserved: { pid: '768' } },
    (c) => allPodsLimits(c, machine, 32_768).pidsMax,
    32_000,
  ],
  [
    'enforceNodeAllocatable',
    { enforceNodeAllocatable: ['none'], systemReserved: { cpu: '1' }, kubeReserved: { cpu: '2' } },
    (c) => [allPodsLimits(c, machine, 32_768).cpuShares, c.systemReserved['cpu']],
    [4 * 1024, 1_000_000_000n],
  ],
  [
    'systemReservedCgroup',
    {
      enforceNodeAllocatable: ['pods', 'system-reserved'],
      systemReserved: { cpu: '500m', memory: '1Gi', pid: '100' },
      systemReservedCgroup: '/system.slice',
    },
    (c) => reservedLimits(c).map(({ path, values }) => ({ path, values })),
    [
      {
        path: '/system.slice',
        values: { cpuShares: 512, memoryLimitBytes: GIB, pidsMax: 100 },
      },
    ],
  ],
  [
    'kubeReservedCgroup',
    {
      enforceNodeAllocatable: ['kube-reserved-compressible'],
      kubeReserved: { cpu: '500m', memory: '1Gi' },
      kubeReservedCgroup: '/agents',
    },
    (c) => reservedLimits(c).map(({ path, values }) => ({ path, values })),
    [{ path: '/agents', values: { cpuShares: 512 } }],
  ],
  [
    'reservedSystemCPUs',
    { reservedSystemCPUs: '0,3', systemReserved: { cpu: '1' }, kubeReserved: { cpu: '1' } },
    (c) => allPodsLimits(c, machine, 32_768).cpuShares,
    2 * 1024,
  ],
  [
    'userNamespaces.idsPerPod',
    { userNamespaces: { idsPerPod: 131_072 } },
    (c) => idRange(c, undefined, placeOf).idsPerPod,
    131_072,
  ],
  ['providerID', { providerID: 'aws:///i-1' }, (c) => nodeOf(c).providerId, 'aws:///i-1'],
  ['registerNode', { registerNode: false }, (c) => nodeOf(c).register, false],
  [
    'registerWithTaints',
    { registerWithTaints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] },
    (c) => nodeOf(c).taints,
    [{ key: 'a', value: 'b', effect: 'NoSchedule' }],
  ],
  [
    'enableControllerAttachDetach',
    { enableControllerAttachDetach: false },
    (c) => nodeOf(c).controllerManagedAttachDetach,
    false,
  ],
  ['maxPods', { maxPods: 9 }, (c) => nodeOf(c).maxPods, 9],
  ['podsPerCore', { podsPerCore: 2 }, (c) => nodeOf(c).podsPerCore, 2],
  [
    'localStorageCapacityIsolation',
    { localStorageCapacityIsolation: false },
    (c) => nodeOf(c).localStorageCapacityIsolation,
    false,
  ],
  ['port', { port: 10_260 }, (c) => nodeOf(c).kubeletPort, 10_260],
  ['nodeStatusMaxImages', { nodeStatusMaxImages: -1 }, (c) => nodeOf(c).maxImages, -1],
  [
    'nodeStatusUpdateFrequency',
    { nodeStatusUpdateFrequency: '3s' },
    (c) => nodeOf(c).updateEveryMs,
    3000,
  ],
  [
    'nodeStatusReportFrequency',
    { nodeStatusReportFrequency: '9s' },
    (c) => nodeOf(c).reportEveryMs,
    9000,
  ],
  [
    'nodeLeaseDurationSeconds',
    { nodeLeaseDurationSeconds: 20 },
    (c) => nodeOf(c).leaseDurationSeconds,
    20,
  ],
  [
    'evictionHard',
    { evictionHard: { 'memory.available': '1Gi' } },
    (c) => nodeOf(c).evictionReserved,
    { memory: { bytes: GIB } },
  ],
  [
    'mergeDefaultEvictionSettings',
    { evictionHard: { 'memory.available': '1Gi' }, mergeDefaultEvictionSettings: true },
    (c) => nodeOf(c).evictionReserved,
    { memory: { bytes: GIB }, ephemeralStorage: { fraction: Math.fround(0.1) } },
  ],
  [
    'featureGates.ContainerStopSignals',
    { featureGates: { ContainerStopSignals: true } },
    (c) => runtimeOf(c).stopSignals,
    true,
  ],
  [
    'featureGates.KubeletEnsureSecretPulledImages',
    { featureGates: { KubeletEnsureSecretPulledImages: false } },
    (c) => pullRules(c).verification,
    undefined,
  ],
  [
    'featureGates.PodLevelResources',
    { featureGates: { PodLevelResources: false, InPlacePodLevelResourcesVerticalScaling: false } },
    (c) => admissionRules(c, machine).features?.podLevelResources,
    false,
  ],
  [
    'featureGates.ReduceDefaultCrashLoopBackOffDecay',
    { featureGates: { ReduceDefaultCrashLoopBackOffDecay: true } },
    (c) => crashLoopRules(c).initialMs,
    1000,
  ],
  [
    'featureGates.KubeletCrashLoopBackOffMax',
    {
      featureGates: { KubeletCrashLoopBackOffMax: false, ReduceDefaultCrashLoopBackOffDecay: true },
    },
    (c) => crashLoopRules(c).maxMs,
    60_000,
  ],
  [
    'featureGates.InPlacePodLevelResourcesVerticalScaling',
    { featureGates: { InPlacePodLevelResourcesVerticalScaling: false } },
    (c) => declaredFeatures(c).includes('InPlacePodLevelResourcesVerticalScaling'),
    false,
  ],
  [
    'featureGates.InPlacePodVerticalScalingInitContainers',
    { featureGates: { InPlacePodVerticalScalingInitContainers: false } },
    (c) => declaredFeatures(c).includes('InPlacePodVerticalScalingInitContainers'),
    false,
  ],
  [
    'featureGates.RestartAllContainersOnContainerExits',
    { featureGates: { RestartAllContainersOnContainerExits: false } },
    (c) => declaredFeatures(c).includes('RestartAllContainersOnContainerExits'),
    false,
  ],
  [
    'featureGates.KubeletServiceAccountTokenForCredentialProviders',
    { featureGates: { KubeletServiceAccountTokenForCredentialProviders: false } },
    (c) => gatedParts(c).providerTokens,
    false,
  ],
  [
    'shutdownGracePeriod',
    { shutdownGracePeriod: '30s' },
    (c) => shutdownRules(c).schedule.map(({ seconds }) => seconds),
    [30, 0],
  ],
  [
    'shutdownGracePeriodCriticalPods',
    { shutdownGracePeriod: '30s', shutdownGracePeriodCriticalPods: '10s' },
    (c) => shutdownRules(c).schedule.map(({ seconds }) => seconds),
    [20, 10],
  ],
  [
    'shutdownGracePeriodByPodPriority',
    { shutdownGracePeriodByPodPriority: [{ priority: 7, shutdownGracePeriodSeconds: 5 }] },
    (c) => shutdownRules(c).schedule,
    [{ priority: 7, seconds: 5 }],
  ],
  [
    'featureGates.GracefulNodeShutdown',
    {
      featureGates: {
        GracefulNodeShutdown: false,
        GracefulNodeShutdownBasedOnPodPriority: false,
        WindowsGracefulNodeShutdown: false,
      },
    },
    (c) => shutdownRules({ ...c, shutdownGracePeriodMs: 30_000 }).schedule,
    [],
  ],
  [
    'featureGates.GracefulNodeShutdownBasedOnPodPriority',
    { featureGates: { GracefulNodeShutdownBasedOnPodPriority: false } },
    (c) => shutdownRules(c).keepsTimes,
    false,
  ],
  [
    'featureGates.MemoryQoS',
    { featureGates: { MemoryQoS: true }, systemReserved: { memory: '1Gi' } },
    (c) => runtimeOf(c).memoryQos,
    { reserves: false, throttlingFactor: 0.9, allocatableBytes: 7 * GIB },
  ],
  [
    'memoryThrottlingFactor',
    { featureGates: { MemoryQoS: true }, memoryThrottlingFactor: 0.5 },
    (c) => runtimeOf(c).memoryQos?.throttlingFactor,
    0.5,
  ],
  [
    'memoryReservationPolicy',
    { featureGates: { MemoryQoS: true }, memoryReservationPolicy: 'TieredReservation' },
    (c) => memoryQosRules(c, machine)?.reserves,
    true,
  ],
  [
    'featureGates.CSIVolumeHealth',
    { featureGates: { CSIVolumeHealth: true } },
    (c) => gatedParts(c).volumeHealth,
    true,
  ],
  [
    'featureGates.SELinuxMount',
    { featureGates: { SELinuxMount: true } },
    (c) => gatedParts(c).labelsEveryMode,
    true,
  ],
  [
    'featureGates.LocalStorageCapacityIsolationFSQuotaMonitoring',
    { featureGates: { LocalStorageCapacityIsolationFSQuotaMonitoring: true } },
    (c) => gatedParts(c).countedVolumes,
    true,
  ],
  [
    'featureGates.ClusterTrustBundleProjection',
    { featureGates: { ClusterTrustBundle: true, ClusterTrustBundleProjection: true } },
    (c) => gatedParts(c).trustBundles,
    true,
  ],
  [
    'featureGates.PodCertificateRequest',
    { featureGates: { PodCertificateRequest: true } },
    (c) => gatedParts(c).podCertificates,
    true,
  ],
  [
    'featureGates.ExtendWebSocketsToKubelet',
    { featureGates: { ExtendWebSocketsToKubelet: false } },
    (c) => gatedParts(c).webSockets,
    false,
  ],
  [
    'evictionHard',
    { evictionHard: { 'pid.available': '500' } },
    (c) => evictionRules(c).thresholds.map(({ signal, limit }) => [signal, limit]),
    [['pid.available', { bytes: 500 }]],
  ],
  [
    'evictionSoft',
    { ...SOFT, evictionHard: {} },
    (c) => evictionRules(c).thresholds.map(({ signal, limit }) => [signal, limit]),
    [['memory.available', { bytes: GIB }]],
  ],
  [
    'evictionSoftGracePeriod',
    SOFT,
    (c) => evictionRules(c).thresholds.some(({ graceMs }) => graceMs === 5000),
    true,
  ],
  [
    'evictionMinimumReclaim',
    { evictionMinimumReclaim: { 'memory.available': '1Gi' } },
    (c) => evictionRules(c).thresholds[0]?.reclaim,
    { bytes: GIB },
  ],
  [
    'evictionPressureTransitionPeriod',
    { evictionPressureTransitionPeriod: '7s' },
    (c) => evictionRules(c).transitionMs,
    7000,
  ],
  [
    'evictionMaxPodGracePeriod',
    { evictionMaxPodGracePeriod: 30 },
    (c) => evictionRules(c).maxGraceSeconds,
    30,
  ],
  [
    'localStorageCapacityIsolation',
    { localStorageCapacityIsolation: false },
    (c) => evictionRules(c).limitsLocalStorage,
    false,
  ],
];

const configOf = (value: object): KubeletConfig =>
  parseKubeletConfig({ file: { value: { ...value }, directory: '/' } }).config;

it.each(EFFECTS)('%s changes how the kubelet runs', (_, value, of, want) => {
  expect(of(configOf(value))).toEqual(want);
  expect(of(configOf({}))).not.toEqual(want);
});
