import type { ScopeTask } from '@nodeagent/base';
import {
  type KubeClient,
  runReflector,
  type Service,
  SERVICES,
  Store,
} from '@nodeagent/kube-client';

import type { Parts } from './parts.js';

export interface ServiceWatch {
  /** Undefined before the first list. */
  readonly current: () => readonly Service[] | undefined;
  readonly run: ScopeTask;
}

/** Services for the environment variables of pods; nothing else is kept of them. */
export function watchServices(
  client: KubeClient,
  { clock, random, log, metrics }: Pick<Parts['adapters'], 'clock' | 'random' | 'log' | 'metrics'>,
): ServiceWatch {
  const store = new Store<Service>();
  let synced = false;
  return {
    current: () => (synced ? [...store.items.values()] : undefined),
    run: (signal) =>
      runReflector(
        client,
        {
          resource: SERVICES,
          selectors: { fieldSelector: 'spec.clusterIP!=None' },
          project: projectService,
          sink: store,
          ...{ clock, random, log, metrics },
          onSynced: () => {
            synced = true;
          },
          onError: (err, retryInMs) => log.warn({ err, retryInMs }, 'services cannot be watched'),
        },
        signal,
      ),
  };
}

function projectService({ metadata = {}, spec = {} }: Service): Service {
  const { name = '', namespace = '' } = metadata;
  const ports = (spec.ports ?? []).map(({ name: portName, port, protocol }) => ({
    port,
    ...(portName !== undefined && { name: portName }),
    ...(protocol !== undefined && { protocol }),
  }));
  const { clusterIP } = spec;
  return { metadata: { name, namespace }, spec: { ...(clusterIP && { clusterIP }), ports } };
}
