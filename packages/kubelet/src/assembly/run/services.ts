import type { Metrics, ScopeTask } from '@nodeagent/base';
import {
  type KubeClient,
  runReflector,
  type Service,
  SERVICES,
  Store,
} from '@nodeagent/kube-client';

import { checkTypes } from '../../pod/index.js';
import type { Parts } from './parts.js';

export interface ServiceWatch {
  /** Undefined before the first list. */
  readonly current: () => readonly Service[] | undefined;
  readonly run: ScopeTask;
}

type ServiceWatchParts = Pick<Parts['adapters'], 'clock' | 'random' | 'log'> &
  Readonly<{ metrics?: Metrics | undefined }>;

/** Watches Services for the environment variables of pods, and keeps only the fields for them. */
export function watchServices(
  client: KubeClient,
  { clock, random, log, metrics }: ServiceWatchParts,
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

const PORT_TYPES = { name: 'string, if any', port: 'integer', protocol: 'string, if any' } as const;

/**
 * Keeps the fields of a Service that pods' environment variables need, after checking their types.
 *
 * @throws {TypeError} if a field does not have the type that the API promises
 */
function projectService({ metadata = {}, spec = {} }: Service): Service {
  const { name = '', namespace = '' } = metadata;
  const ports = (spec.ports ?? []).map(({ name: portName, port, protocol }, i) => {
    checkTypes({ name: portName, port, protocol }, PORT_TYPES, `spec.ports.${i}.`);
    return {
      port,
      ...(portName !== undefined && { name: portName }),
      ...(protocol !== undefined && { protocol }),
    };
  });
  const { clusterIP } = spec;
  checkTypes({ clusterIP }, { clusterIP: 'string, if any' }, 'spec.');
  return { metadata: { name, namespace }, spec: { ...(clusterIP && { clusterIP }), ports } };
}
