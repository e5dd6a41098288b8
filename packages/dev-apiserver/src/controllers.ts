import { NO_METRICS, SILENT_LOGGER } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import type { KubeClient } from '@nodeagent/kube-client';

import { type ControllersOptions, runAllControllers } from './controllers/run/index.js';

export { type Action, amountsOf, type Plan, podRequests, type View } from './controllers/index.js';
export type { ControllersOptions };

/**
 * Runs the controllers that a single node needs, as ordinary clients of any API server: scheduler,
 * ReplicaSets, Deployments, StatefulSets, DaemonSets, EndpointSlices, volumes (binding, protection, ephemeral
 * claims, attachments), node life cycle with evictions, namespaces with their service account and
 * root CA, garbage collection by owner for all kinds, custom ones too, lost pods, client certificates of nodes. Ends when the
 * signal fires.
 */
export function runControllers(
  client: KubeClient,
  options: ControllersOptions = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const settings = {
    clock: createSystemClock(),
    random: Math.random,
    log: SILENT_LOGGER,
    metrics: NO_METRICS,
    ...options,
  };
  return runAllControllers(client, settings, signal);
}
