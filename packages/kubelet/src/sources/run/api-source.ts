import type { Clock, Logger, Metrics, Random } from '@nodeagent/base';
import { type KubeClient, type Pod, PODS, runReflector } from '@nodeagent/kube-client';

import { messageOf, type PodEvents, type PodSource } from '../../pod/index.js';
import { checkPod } from '../codec/check-pod.js';

export interface ApiSourceOptions {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: Metrics | undefined;
  readonly events: PodEvents;
  /**
   * Resolves when pods can be judged; before that they would be refused through no fault of their
   * own.
   */
  readonly ready: (signal: AbortSignal) => Promise<void>;
}

/** The pods that the API binds to this node, from a list and a watch. */
export function createApiSource(options: ApiSourceOptions): PodSource {
  const { client, nodeName, clock, random, log, metrics, events, ready } = options;
  return {
    name: 'api',
    async run(sink, signal) {
      await ready(signal);
      await runReflector(
        client,
        {
          resource: PODS,
          selectors: { fieldSelector: `spec.nodeName=${nodeName}` },
          project: (pod) => {
            checkPod(pod);
            return withoutManagedFields(pod);
          },
          sink,
          ...{ clock, random, log, metrics },
          onObjectFailure: ({ namespace, name, uid, error }) => {
            if (namespace === undefined || uid === undefined) return; // there is no pod to report it on
            const message = `The kubelet cannot use this pod: ${messageOf(error)}`;
            events.warning({ metadata: { namespace, name, uid } }, 'FailedToReadPod', message);
          },
          onError: (err, retryInMs) => log.warn({ err, retryInMs }, 'pods cannot be watched'),
        },
        signal,
      );
    },
  };
}

/** Managed fields are half of a pod's size, and the node does not need them. */
function withoutManagedFields(pod: Pod): Pod {
  if (pod.metadata?.managedFields === undefined) return pod;
  const metadata = { ...pod.metadata };
  delete metadata.managedFields;
  return { ...pod, metadata };
}
