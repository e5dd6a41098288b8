import type { Quantity } from '@nodeagent/base';
import type { Features, LogSettings } from '@nodeagent/component-base';

import type { TlsSettings } from '../../server/index.js';
import type { ConfigDocument, ConfigFile } from './config-file.js';
import type { Threshold } from './threshold.js';

/** Fields of the file that the program uses in another form or under another name. */
export type ParsedField =
  | 'authentication'
  | 'authorization'
  | 'containerLogMaxSize'
  | 'containerLogMonitorInterval'
  | 'cpuCFSQuotaPeriod'
  | 'cpuManagerReconcilePeriod'
  | 'crashLoopBackOff'
  | 'evictionHard'
  | 'evictionPressureTransitionPeriod'
  | 'featureGates'
  | 'fileCheckFrequency'
  | 'httpCheckFrequency'
  | 'imageMaximumGCAge'
  | 'imageMinimumGCAge'
  | 'kubeReserved'
  | 'logging'
  | 'maxParallelImagePulls'
  | 'memorySwap'
  | 'nodeStatusReportFrequency'
  | 'nodeStatusUpdateFrequency'
  | 'reservedSystemCPUs'
  | 'resolvConf'
  | 'runtimeRequestTimeout'
  | 'shutdownGracePeriod'
  | 'shutdownGracePeriodCriticalPods'
  | 'singleProcessOOMKill'
  | 'streamingConnectionIdleTimeout'
  | 'syncFrequency'
  | 'systemReserved'
  | 'tlsCipherSuites'
  | 'tlsCurvePreferences'
  | 'tlsMinVersion'
  | 'tracing'
  | 'volumeStatsAggPeriod';

/**
 * The configuration that a kubelet runs with, fully parsed. Fields that need no parsing keep their
 * names from the file.
 */
export interface KubeletConfig extends Readonly<Omit<ConfigFile, ParsedField>> {
  readonly authentication: Readonly<{
    anonymous: Readonly<{ enabled: boolean }>;
    webhook: Readonly<{ enabled: boolean; cacheTtlMs: number }>;
    x509: Readonly<{ clientCAFile: string }>;
  }>;
  readonly authorization: Readonly<{
    mode: 'AlwaysAllow' | 'Webhook';
    webhook: Readonly<{ cacheAuthorizedTtlMs: number; cacheUnauthorizedTtlMs: number }>;
  }>;
  /** Negative disables rotation. */
  readonly containerLogMaxBytes: number;
  readonly containerLogMonitorIntervalMs: number;
  readonly cpuCfsQuotaPeriodMs: number;
  readonly cpuManagerReconcilePeriodMs: number;
  readonly crashLoopBackOff: Readonly<{ maxContainerRestartPeriodMs: number }>;
  /** By signal, without the disabled ones. */
  readonly evictionHard: ReadonlyMap<string, Threshold>;
  readonly evictionPressureTransitionPeriodMs: number;
  readonly features: Features;
  readonly fileCheckFrequencyMs: number;
  readonly httpCheckFrequencyMs: number;
  /** 0: images never expire. */
  readonly imageMaximumGcAgeMs: number;
  readonly imageMinimumGcAgeMs: number;
  /** By resource. */
  readonly kubeReserved: Readonly<Record<string, Quantity>>;
  readonly logging: LogSettings;
  /** Undefined: no limit. */
  readonly maxParallelImagePulls: number | undefined;
  /** How often an unchanged status is reported. */
  readonly nodeStatusReportFrequencyMs: number;
  readonly nodeStatusUpdateFrequencyMs: number;
  /** CPUs kept for the system and Kubernetes; they replace `cpu` in both reservations. */
  readonly reservedCpus: ReadonlySet<number>;
  readonly resolvConfPath: string;
  readonly runtimeRequestTimeoutMs: number;
  readonly shutdownGracePeriodMs: number;
  readonly shutdownGracePeriodCriticalPodsMs: number;
  readonly singleProcessOomKill: boolean;
  readonly streamingConnectionIdleTimeoutMs: number;
  readonly swapBehavior: 'NoSwap' | 'LimitedSwap';
  readonly syncFrequencyMs: number;
  readonly systemReserved: Readonly<Record<string, Quantity>>;
  readonly tls: TlsSettings;
  readonly tracing: NonNullable<ConfigFile['tracing']> | undefined;
  readonly volumeStatsAggPeriodMs: number;
  /**
   * The whole configuration as a file would contain it, with defaults; header values may be
   * secrets.
   */
  readonly document: ConfigDocument;
}
