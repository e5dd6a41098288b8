import { type Quantity, unitsToQuantity } from '@nodeagent/base';
import { documentOf, type Written } from '@nodeagent/component-base/config-fields';
import { logSettings } from '@nodeagent/component-base/logging-fields';

import { tlsSettings } from '../../server/index.js';
import type { KubeletConfig, ParsedField } from '../model/config.js';
import type { ConfigFile } from '../model/config-file.js';
import type { Threshold } from '../model/threshold.js';

/** Converts a file whose fields are valid one by one to the program's form. */
export function settingsOf(file: ConfigFile): KubeletConfig {
  const { authentication, authorization, crashLoopBackOff, memorySwap, ...rest } = file;
  const { containerLogMaxSize, evictionHard, kubeReserved, systemReserved, ...sameForm } = rest;
  const { maxParallelImagePulls, resolvConf, singleProcessOOMKill, tracing, ...plain } = sameForm;
  const { featureGates, logging, reservedSystemCPUs, ...unparsed } = plain;
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
    features: featureGates.value,
    kubeReserved: withoutCpu(quantitiesOf(kubeReserved), reservedSystemCPUs.value),
    logging: logSettings(logging),
    maxParallelImagePulls: maxParallelImagePulls ?? undefined,
    reservedCpus: reservedSystemCPUs.value,
    resolvConfPath: resolvConf ?? '/etc/resolv.conf',
    singleProcessOomKill: singleProcessOOMKill ?? false,
    swapBehavior: memorySwap.swapBehavior || 'NoSwap',
    systemReserved: withCpus(quantitiesOf(systemReserved), reservedSystemCPUs.value),
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

/** Renames the durations at the top level so that the names contain the unit. */
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

type Reservation = Readonly<Record<string, Quantity>>;

/** Reserved CPUs replace the amount of CPU that is reserved: all of it counts as the system's. */
function withCpus(reserved: Reservation, cpus: ReadonlySet<number>): Reservation {
  return cpus.size === 0 ? reserved : { ...reserved, cpu: unitsToQuantity(cpus.size) };
}

function withoutCpu(reserved: Reservation, cpus: ReadonlySet<number>): Reservation {
  if (cpus.size === 0) return reserved;
  return Object.fromEntries(Object.entries(reserved).filter(([name]) => name !== 'cpu'));
}
