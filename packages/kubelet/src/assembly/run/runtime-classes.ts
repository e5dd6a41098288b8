import type { Metrics, ScopeTask } from '@nodeagent/base';
import {
  type KubeClient,
  type ObjectName,
  type Resource,
  runReflector,
  RUNTIME_CLASSES,
  type RuntimeClass,
  Store,
} from '@nodeagent/kube-client';

import { checkTypes } from '../../pod/index.js';
import type { Parts } from './parts.js';

export interface RuntimeClassWatch {
  /** Reads classes that the watch knows from memory, and others from the API server. */
  readonly reader: Pick<KubeClient, 'get'>;
  readonly run: ScopeTask;
}

type ClassWatchParts = Pick<Parts['adapters'], 'clock' | 'random' | 'log'> &
  Readonly<{ metrics?: Metrics | undefined }>;

/**
 * Watches RuntimeClasses, so that pods with a class start while the API server does not answer. A
 * class that the watch has not delivered yet is asked for.
 */
export function watchRuntimeClasses(
  client: KubeClient,
  { clock, random, log, metrics }: ClassWatchParts,
): RuntimeClassWatch {
  const store = new Store<RuntimeClass>();
  return {
    reader: {
      get: async <T>(
        resource: Resource<T>,
        target: ObjectName,
        signal: AbortSignal,
      ): Promise<T> => {
        const isClass = resource.plural === RUNTIME_CLASSES.plural;
        const known = isClass ? store.get(target.name) : undefined;
        return known === undefined ? client.get(resource, target, signal) : (known as T);
      },
    },
    run: (signal) =>
      runReflector(
        client,
        {
          resource: RUNTIME_CLASSES,
          project: projectClass,
          sink: store,
          ...{ clock, random, log, metrics },
          onError: (err, retryInMs) =>
            log.warn({ err, retryInMs }, 'runtime classes cannot be watched'),
        },
        signal,
      ),
  };
}

/**
 * Keeps the handler, after checking its type.
 *
 * @throws {TypeError} if it does not have the type that the API promises
 */
function projectClass({ metadata, handler }: RuntimeClass): RuntimeClass {
  checkTypes({ handler }, { handler: 'string' }, '');
  return { ...(metadata?.name !== undefined && { metadata: { name: metadata.name } }), handler };
}
