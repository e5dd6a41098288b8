import type { Clock, Logger, Metrics, Random } from '@nodeagent/base';
import {
  CONFIG_MAPS,
  type ConfigMap,
  isKubeError,
  type KubeClient,
  type KubeObject,
  type Pod,
  type Resource,
  runReflector,
  type Secret,
  SECRETS,
} from '@nodeagent/kube-client';

import { podNamespace, podUid } from '../../pod/index.js';
import { referencedObjects } from '../plan/referenced-objects.js';
import type { FollowedObjects } from '../ports.js';

export interface ObjectWatchesOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: Metrics | undefined;
  /** An object that this pod refers to was added, changed or removed. */
  readonly onChange: (podUid: string) => void;
}

/** Maximum wait of a pod for the API server's first answer. */
const FIRST_ANSWER_MS = 5000;
/**
 * Initial time in which refusals are retried: the authorizer learns of the pod's binding through a
 * watch, just as the kubelet does.
 */
const BINDING_PATIENCE_MS = 2000;

/**
 * Watches each config map and secret for as long as a pod refers to it, so that volumes and waiting
 * pods get changes at once. An immutable object is read once and then no longer watched. Objects
 * that no followed pod refers to are read on each request.
 *
 * Each watch is a connection to the API server.
 *
 * @param lifetime ends all watches
 * @see Kubernetes 1.36 pkg/kubelet/util/manager/watch_based_manager.go
 */
export function createObjectWatches(
  options: ObjectWatchesOptions,
  lifetime: AbortSignal,
): FollowedObjects {
  const configMaps = new Watches<ConfigMap>(CONFIG_MAPS, 'configmap', options, lifetime);
  const secrets = new Watches<Secret>(SECRETS, 'secret', options, lifetime);
  const followed = new Map<string, string>();
  return {
    configMap: (namespace, name, signal) => configMaps.get({ namespace, name }, signal),
    secret: (namespace, name, signal) => secrets.get({ namespace, name }, signal),
    follow: (pod) => {
      const uid = podUid(pod);
      const wanted = referencedObjects(pod);
      const version = JSON.stringify([[...wanted.configMaps], [...wanted.secrets]]);
      if (followed.get(uid) === version) return;
      followed.set(uid, version);
      configMaps.use(pod, wanted.configMaps);
      secrets.use(pod, wanted.secrets);
    },
    release: (uid) => {
      if (!followed.delete(uid)) return;
      configMaps.release(uid);
      secrets.release(uid);
    },
  };
}

interface Name {
  readonly namespace: string;
  readonly name: string;
}

class Watches<T extends KubeObject & { readonly immutable?: boolean }> {
  readonly #resource: Resource<T>;
  readonly #what: string;
  readonly #options: ObjectWatchesOptions;
  readonly #lifetime: AbortSignal;
  readonly #entries = new Map<string, Watched<T>>();

  constructor(
    resource: Resource<T>,
    what: string,
    options: ObjectWatchesOptions,
    lifetime: AbortSignal,
  ) {
    this.#resource = resource;
    this.#what = what;
    this.#options = options;
    this.#lifetime = lifetime;
  }

  use(pod: Pod, names: ReadonlySet<string>): void {
    const uid = podUid(pod);
    const namespace = podNamespace(pod);
    const wanted = new Set([...names].map((name) => `${namespace}/${name}`));
    this.release(uid, wanted);
    for (const name of names) {
      const key = `${namespace}/${name}`;
      const entry = this.#entries.get(key) ?? new Watched<T>({ namespace, name });
      this.#entries.set(key, entry);
      entry.users.add(uid);
    }
  }

  release(uid: string, except: ReadonlySet<string> = new Set()): void {
    for (const [key, entry] of this.#entries) {
      if (except.has(key) || !entry.users.delete(uid) || entry.users.size > 0) continue;
      entry.end.abort(new Error('no pod refers to it any more'));
      this.#entries.delete(key);
    }
  }

  async get(name: Name, signal: AbortSignal): Promise<T | undefined> {
    const entry = this.#entries.get(`${name.namespace}/${name.name}`);
    if (entry === undefined) return this.#read(name, signal);
    if (!entry.started) this.#start(entry);
    if (!entry.known) await this.#firstAnswer(entry, signal);
    entry.missed ||= entry.object === undefined;
    return entry.object;
  }

  async #read(name: Name, signal: AbortSignal): Promise<T | undefined> {
    try {
      return await this.#options.client.get(this.#resource, name, signal);
    } catch (error) {
      if (isKubeError(error, 'KUBE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /** @throws the API server's refusal, or an error if it does not answer */
  async #firstAnswer(entry: Watched<T>, signal: AbortSignal): Promise<void> {
    const end = new AbortController();
    const waiting = AbortSignal.any([signal, end.signal]);
    const limit = this.#options.clock.sleep(FIRST_ANSWER_MS, waiting);
    const outcome = await Promise.race([entry.answered(), limit]);
    end.abort(new Error('answered'));
    signal.throwIfAborted();
    if (entry.known) return;
    entry.missed = true;
    if (outcome instanceof Error) throw outcome;
    throw new Error(`failed to sync ${this.#what} cache: timed out waiting for the condition`);
  }

  #start(entry: Watched<T>): void {
    const { client, clock, random, log, metrics, onChange } = this.#options;
    const { namespace, name } = entry.name;
    entry.started = true;
    const startedMs = clock.monotonicMs();
    const isTooEarly = (error: unknown): boolean =>
      !entry.known &&
      isKubeError(error, 'KUBE_FORBIDDEN') &&
      clock.monotonicMs() - startedMs < BINDING_PATIENCE_MS;
    const changed = (object: T | undefined, first: boolean): void => {
      const isNews = !first || entry.missed;
      entry.object = object;
      entry.known = true;
      entry.missed = false;
      if (object?.immutable === true) entry.end.abort(new Error('the object is immutable'));
      entry.tell(undefined);
      if (isNews) for (const uid of entry.users) onChange(uid);
    };
    const end = AbortSignal.any([this.#lifetime, entry.end.signal]);
    const run = runReflector<T, T>(
      client,
      {
        resource: this.#resource,
        selectors: { namespace, fieldSelector: `metadata.name=${name}` },
        project: kept,
        sink: {
          replace: (items) => {
            const [object] = items.values();
            const same = version(object) === version(entry.object);
            if (!entry.known || !same) changed(object, !entry.known);
          },
          upsert: (_, object) => changed(object, false),
          remove: () => changed(undefined, false),
        },
        ...{ clock, random, log, metrics },
        onError: (error, retryInMs) => {
          if (isTooEarly(error)) return;
          if (!entry.known) entry.tell(error);
          log.warn({ [this.#what]: entry.name, err: error, retryInMs }, 'object cannot be watched');
        },
      },
      end,
    );
    void run.catch((err: unknown) => {
      log.error({ [this.#what]: entry.name, err }, 'watch of an object failed');
    });
  }
}

class Watched<T> {
  readonly name: Name;
  readonly users = new Set<string>();
  readonly end = new AbortController();
  started = false;
  /** The server has answered at least once. */
  known = false;
  /** A reader gave up waiting for the object. */
  missed = false;
  object: T | undefined;
  #waiting: ((error: Error | undefined) => void)[] = [];

  constructor(name: Name) {
    this.name = name;
  }

  answered(): Promise<Error | undefined> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  tell(error: Error | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(error);
  }
}

/** Keeps only name, uid and version of the metadata. */
function kept<T extends KubeObject>(object: T): T {
  const { namespace, name, uid, resourceVersion } = object.metadata ?? {};
  const metadata = {
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  return { ...object, metadata };
}

function version({ metadata }: KubeObject = {}): string {
  return `${metadata?.uid} ${metadata?.resourceVersion}`;
}
