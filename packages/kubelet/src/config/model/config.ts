import type { Quantity } from '@nodeagent/base';

import type { TlsSettings } from '../../server/index.js';
import type { ConfigDocument, ConfigFile } from './config-file.js';
import type { Threshold } from './threshold.js';

/** Fields of the file that the program has in another form, or by another name. */
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
  | 'fileCheckFrequency'
  | 'httpCheckFrequency'
  | 'imageMaximumGCAge'
  | 'imageMinimumGCAge'
  | 'kubeReserved'
  | 'maxParallelImagePulls'
  | 'memorySwap'
  | 'nodeStatusReportFrequency'
  | 'nodeStatusUpdateFrequency'
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
 * The configuration that a kubelet runs by, parsed: nothing in it needs a second look at a text.
 * Fields that the file has in the same form keep their names.
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
  /** Negative switches rotation off. */
  readonly containerLogMaxBytes: number;
  readonly containerLogMonitorIntervalMs: number;
  readonly cpuCfsQuotaPeriodMs: number;
  readonly cpuManagerReconcilePeriodMs: number;
  readonly crashLoopBackOff: Readonly<{ maxContainerRestartPeriodMs: number }>;
  /** By signal; without those that are switched off. */
  readonly evictionHard: ReadonlyMap<string, Threshold>;
  readonly evictionPressureTransitionPeriodMs: number;
  readonly fileCheckFrequencyMs: number;
  readonly httpCheckFrequencyMs: number;
  /** 0: images are never too old. */
  readonly imageMaximumGcAgeMs: number;
  readonly imageMinimumGcAgeMs: number;
  /** By resource. */
  readonly kubeReserved: Readonly<Record<string, Quantity>>;
  /** Undefined: as many as are asked for. */
  readonly maxParallelImagePulls: number | undefined;
  /** How often an unchanged status is reported. */
  readonly nodeStatusReportFrequencyMs: number;
  readonly nodeStatusUpdateFrequencyMs: number;
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
  /** The whole in the file's terms, defaults filled in; header values in it may be secrets. */
  readonly document: ConfigDocument;
}
