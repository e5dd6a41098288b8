import type { Quantity } from '@nodeagent/base';
import { documentOf, type Written } from '@nodeagent/component-base/config-fields';

import { tlsSettings } from '../../server/index.js';
import type { KubeletConfig, ParsedField } from '../model/config.js';
import type { ConfigFile } from '../model/config-file.js';
import type { Threshold } from '../model/threshold.js';

/** The program's form of a file whose fields are right one by one. */
export function settingsOf(file: ConfigFile): KubeletConfig {
  const { authentication, authorization, crashLoopBackOff, memorySwap, ...rest } = file;
  const { containerLogMaxSize, evictionHard, kubeReserved, systemReserved, ...sameForm } = rest;
  const { maxParallelImagePulls, resolvConf, singleProcessOOMKill, tracing, ...unparsed } =
    sameForm;
  const { tlsMinVersion, tlsCipherSuites, tlsCurvePreferences, ...others } = unparsed;
  const { anonymous, webhook, x509 } = authentication;
  const { cacheAuthorizedTTL, cacheUnauthorizedTTL } = authorization.webhook;
  return {
    ...withMilliseconds(others),
    authentication: {
      anonymous,
      webhook: { enabled: webhook.enabled, cacheTtlMs: webhook.cacheTTL.value },
      x509,
    },
    authorization: {
      mode: authorization.mode,
      webhook: {
        cacheAuthorizedTtlMs: cacheAuthorizedTTL.value,
        cacheUnauthorizedTtlMs: cacheUnauthorizedTTL.value,
      },
    },
    containerLogMaxBytes: containerLogMaxSize.value,
    crashLoopBackOff: {
      maxContainerRestartPeriodMs: crashLoopBackOff.maxContainerRestartPeriod.value,
    },
    evictionHard: thresholdsOf(evictionHard),
    kubeReserved: quantitiesOf(kubeReserved),
    maxParallelImagePulls: maxParallelImagePulls ?? undefined,
    resolvConfPath: resolvConf ?? '/etc/resolv.conf',
    singleProcessOomKill: singleProcessOOMKill ?? false,
    swapBehavior: memorySwap.swapBehavior || 'NoSwap',
    systemReserved: quantitiesOf(systemReserved),
    tls: tlsSettings({ tlsMinVersion, tlsCipherSuites, tlsCurvePreferences }),
    tracing: tracing ?? undefined,
    document: documentOf(file),
  };
}

type Durations =
  | 'containerLogMonitorInterval'
  | 'cpuCFSQuotaPeriod'
  | 'cpuManagerReconcilePeriod'
  | 'evictionPressureTransitionPeriod'
  | 'fileCheckFrequency'
  | 'httpCheckFrequency'
  | 'imageMaximumGCAge'
  | 'imageMinimumGCAge'
  | 'nodeStatusReportFrequency'
  | 'nodeStatusUpdateFrequency'
  | 'runtimeRequestTimeout'
  | 'shutdownGracePeriod'
  | 'shutdownGracePeriodCriticalPods'
  | 'streamingConnectionIdleTimeout'
  | 'syncFrequency'
  | 'volumeStatsAggPeriod';

/** Durations at the top level get names that say their unit. */
function withMilliseconds(fields: Omit<ConfigFile, Exclude<ParsedField, Durations>>) {
  const { syncFrequency, fileCheckFrequency, httpCheckFrequency, ...rest } = fields;
  const { nodeStatusUpdateFrequency, nodeStatusReportFrequency, ...beyondNode } = rest;
  const { shutdownGracePeriod, shutdownGracePeriodCriticalPods, ...beyondShutdown } = beyondNode;
  const { imageMinimumGCAge, imageMaximumGCAge, ...beyondImages } = beyondShutdown;
  const { cpuCFSQuotaPeriod, cpuManagerReconcilePeriod, ...beyondCpu } = beyondImages;
  const { runtimeRequestTimeout, streamingConnectionIdleTimeout, ...beyondTimeouts } = beyondCpu;
  const { containerLogMonitorInterval, volumeStatsAggPeriod, ...beyondPeriods } = beyondTimeouts;
  const { evictionPressureTransitionPeriod, ...sameForm } = beyondPeriods;
  return {
    ...sameForm,
    containerLogMonitorIntervalMs: containerLogMonitorInterval.value,
    cpuCfsQuotaPeriodMs: cpuCFSQuotaPeriod.value,
    cpuManagerReconcilePeriodMs: cpuManagerReconcilePeriod.value,
    evictionPressureTransitionPeriodMs: evictionPressureTransitionPeriod.value,
    fileCheckFrequencyMs: fileCheckFrequency.value,
    httpCheckFrequencyMs: httpCheckFrequency.value,
    imageMaximumGcAgeMs: imageMaximumGCAge.value,
    imageMinimumGcAgeMs: imageMinimumGCAge.value,
    nodeStatusReportFrequencyMs: nodeStatusReportFrequency.value || nodeStatusUpdateFrequency.value,
    nodeStatusUpdateFrequencyMs: nodeStatusUpdateFrequency.value,
    runtimeRequestTimeoutMs: runtimeRequestTimeout.value,
    shutdownGracePeriodCriticalPodsMs: shutdownGracePeriodCriticalPods.value,
    shutdownGracePeriodMs: shutdownGracePeriod.value,
    streamingConnectionIdleTimeoutMs: streamingConnectionIdleTimeout.value,
    syncFrequencyMs: syncFrequency.value,
    volumeStatsAggPeriodMs: volumeStatsAggPeriod.value,
  };
}

function thresholdsOf(
  written: Readonly<Record<string, Written<Threshold | 'off'>>>,
): ReadonlyMap<string, Threshold> {
  const found = new Map<string, Threshold>();
  for (const [signal, { value }] of Object.entries(written)) {
    if (value !== 'off') found.set(signal, value);
  }
  return found;
}

function quantitiesOf(
  written: Readonly<Record<string, Written<Quantity>>>,
): Readonly<Record<string, Quantity>> {
  return Object.fromEntries(Object.entries(written).map(([name, { value }]) => [name, value]));
}
