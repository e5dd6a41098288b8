import { runScope } from '@nodeagent/base';
import {
  CUSTOM_RESOURCE_DEFINITIONS,
  isKubeError,
  type KubeClient,
  type KubeObject,
  type Resource,
  runReflector,
} from '@nodeagent/kube-client';

import { kindOfDefinition, MORE_KINDS, type OwnedKind } from '../model/owned-kinds.js';
import type { ViewName } from '../model/view.js';
import { type Cluster, WATCHED } from './cluster.js';
import type { Settings } from './controllers-options.js';

interface Followed {
  readonly resource: Resource<KubeObject>;
  readonly objects: Map<string, KubeObject>;
  /** Everything of the kind is known, or the server does not have the kind. */
  synced: boolean;
  readonly stop: AbortController;
}

/**
 * The metadata of all objects that can own or be owned: those of the Cluster, of the other built-in
 * kinds, and of the kinds that CustomResourceDefinitions add while it runs.
 */
export class OwnedObjects {
  readonly #cluster: Cluster;
  readonly #followed = new Map<string, Followed>();
  readonly #listeners = new Set<() => void>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** All kinds; undefined until every kind is known. */
  get kinds(): readonly OwnedKind[] | undefined {
    const followed = [...this.#followed.values()];
    if (followed.length === 0 || followed.some(({ synced }) => !synced)) return undefined;
    return [...fromCluster(this.#cluster), ...followed];
  }

  /** Every kind whose objects the API server has, as far as it is known by now. */
  get resources(): readonly Resource<KubeObject>[] {
    const own = [...this.#followed.values()];
    return [...fromCluster(this.#cluster), ...own].map(({ resource }) => resource);
  }

  /** Calls back after each change of any object. */
  subscribe(listener: () => void): void {
    this.#listeners.add(listener);
    this.#cluster.subscribe(NAMES, listener);
  }

  /** Follows all kinds until the signal fires. */
  async run(client: KubeClient, options: Settings, signal: AbortSignal): Promise<void> {
    const running = new Set<Promise<void>>();
    const start = (resource: Resource<KubeObject>, key: string): void => {
      const stop = new AbortController();
      const objects = new Map<string, KubeObject>();
      const followed: Followed = { resource, objects, synced: false, stop };
      this.#followed.set(key, followed);
      const until = AbortSignal.any([signal, stop.signal]);
      const task = this.#follow(followed, { client, options }, until);
      running.add(task);
      void task.finally(() => running.delete(task));
    };
    for (const resource of MORE_KINDS) start(resource, keyOf(resource));
    const known = new Map<string, string>();
    const change = (name: string, resource: Resource<KubeObject> | undefined): void => {
      const key = resource === undefined ? '' : keyOf(resource);
      const before = known.get(name) ?? '';
      if (key === before) return;
      known.set(name, key);
      this.#followed.get(before)?.stop.abort();
      this.#followed.delete(before);
      if (resource !== undefined) start(resource, key);
      this.#notify();
    };
    const definitions = (inner: AbortSignal): Promise<void> =>
      runReflector(
        client,
        {
          resource: CUSTOM_RESOURCE_DEFINITIONS,
          project: kindOfDefinition,
          sink: {
            replace: (items) => {
              for (const name of known.keys()) if (!items.has(name)) change(name, undefined);
              for (const [name, resource] of items) change(name, resource);
            },
            upsert: change,
            remove: (name) => change(name, undefined),
          },
          ...reflecting(options, CUSTOM_RESOURCE_DEFINITIONS),
        },
        inner,
      );
    await runScope([definitions], signal);
    await Promise.all(running);
  }

  #follow(
    followed: Followed,
    { client, options }: Readonly<{ client: KubeClient; options: Settings }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { resource, objects } = followed;
    const { onError, ...rest } = reflecting(options, resource);
    const settle = (): void => {
      followed.synced = true;
      this.#notify();
    };
    return runReflector(
      client,
      {
        ...rest,
        resource,
        project: ownershipOf,
        sink: {
          replace: (items) => {
            objects.clear();
            for (const [key, item] of items) objects.set(key, item);
            this.#notify();
          },
          upsert: (key, item) => {
            objects.set(key, item);
            this.#notify();
          },
          remove: (key) => {
            objects.delete(key);
            this.#notify();
          },
        },
        onSynced: settle,
        onError: (error, retryInMs) => {
          if (isKubeError(error, 'KUBE_NOT_FOUND')) settle();
          else onError(error, retryInMs);
        },
      },
      signal,
    );
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** The kinds that the Cluster holds completely. */
const NAMES = (Object.keys(WATCHED) as ViewName[]).filter(
  (name) => WATCHED[name].selectors === undefined,
);

function fromCluster({ view }: Cluster): readonly OwnedKind[] {
  return NAMES.map((name) => ({ resource: WATCHED[name].resource, objects: view[name] }));
}

function keyOf({ group, version, plural, namespaced }: Resource<KubeObject>): string {
  return `${group}/${version}/${plural}/${namespaced}`;
}

function reflecting(options: Settings, resource: Resource<KubeObject>) {
  const { clock, random, log, metrics } = options;
  const onError = (err: Error, retryInMs: number): void => {
    log.warn({ resource: resource.plural, err, retryInMs }, 'controllers cannot watch');
  };
  return { clock, random, log, metrics, onError };
}

/** Labels, annotations and contents do not matter here. */
function ownershipOf({ metadata = {} }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion } = metadata;
  const { ownerReferences, finalizers, deletionTimestamp } = metadata;
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
  };
}
