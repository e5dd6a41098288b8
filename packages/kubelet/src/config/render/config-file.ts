import { formatGoDuration } from '@nodeagent/base';
import { isPlainObject, type PlainObject } from '@nodeagent/component-base';

import { CONFIG_KIND, type KubeletConfig } from '../model/config-file.js';

/** Fields that are milliseconds for us and Go's text in a file. */
const DURATIONS: ReadonlySet<string> = new Set([
  'authentication.webhook.cacheTTL',
  'authorization.webhook.cacheAuthorizedTTL',
  'authorization.webhook.cacheUnauthorizedTTL',
  'streamingConnectionIdleTimeout',
  'syncFrequency',
  'fileCheckFrequency',
  'httpCheckFrequency',
  'imageMinimumGCAge',
  'imageMaximumGCAge',
  'nodeStatusUpdateFrequency',
  'nodeStatusReportFrequency',
  'shutdownGracePeriod',
  'shutdownGracePeriodCriticalPods',
  'cpuManagerReconcilePeriod',
  'cpuCFSQuotaPeriod',
  'volumeStatsAggPeriod',
  'evictionPressureTransitionPeriod',
  'runtimeRequestTimeout',
  'containerLogMonitorInterval',
  'crashLoopBackOff.maxContainerRestartPeriod',
]);

/** The values of these headers may be secrets. */
const SECRET_FIELDS: ReadonlySet<string> = new Set(['staticPodURLHeader']);

/** A configuration in force as a file would have it: what `/configz` shows. */
export function renderConfig(config: KubeletConfig): PlainObject {
  return {
    ...(rendered(config, '') as PlainObject),
    apiVersion: CONFIG_KIND.apiVersions[0],
    kind: CONFIG_KIND.kind,
  };
}

function rendered(value: unknown, path: string): unknown {
  if (DURATIONS.has(path) && typeof value === 'number') return formatGoDuration(value);
  if (SECRET_FIELDS.has(path) && isPlainObject(value)) {
    return Object.fromEntries(Object.keys(value).map((name) => [name, ['<masked>']]));
  }
  if (!isPlainObject(value)) return value;
  const entries = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .map(([name, one]) => [name, rendered(one, path === '' ? name : `${path}.${name}`)]);
  return Object.fromEntries(entries);
}
