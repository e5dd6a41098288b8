import type { Clock } from '@nodeagent/base';
import {
  CONFIG_MAPS,
  type ConfigMap,
  isKubeError,
  type KubeClient,
  type ObjectName,
  type Resource,
  type Secret,
  SECRETS,
} from '@nodeagent/kube-client';

import { podNamespace, podUid } from '../../pod/index.js';
import { referencedObjects } from '../plan/referenced-objects.js';
import type { FollowedObjects } from '../ports.js';
import { awaitBinding, type Refusals } from './await-binding.js';

export interface ObjectCacheOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  /**
   * Maximum age of a cached answer, and so the maximum delay of changes in pods' files and new
   * containers.
   */
  readonly ttlMs: () => number;
}

/**
 * How long an object counts as refused; after that its entry is dropped, in case it is no longer
 * used.
 */
const REFUSED_FOR_GOOD_MS = 600_000;

interface Entry<T> {
  readonly askedAtMs: number;
  readonly answer: Promise<T | undefined>;
}

/**
 * Config maps and secrets by name, read on demand and cached: many pods that start together with
 * one config map cost one request. Immutable objects stay cached ten times as long. A new pod never
 * gets answers from before its arrival. Refusals in the first two seconds are retried, because the
 * authorizer may not have seen the pod's binding yet.
 *
 * @param lifetime ends the requests; a single pod's signal must not, as other pods wait for the
 *   same answer
 */
export function createObjectCache(
  options: ObjectCacheOptions,
  lifetime: AbortSignal,
): FollowedObjects {
  const configMaps = reader<ConfigMap>(CONFIG_MAPS, options, lifetime);
  const secrets = reader<Secret>(SECRETS, options, lifetime);
  const followed = new Set<string>();
  return {
    configMap: configMaps.read,
    secret: secrets.read,
    follow: (pod) => {
      if (followed.has(podUid(pod))) return;
      followed.add(podUid(pod));
      const wanted = referencedObjects(pod);
      for (const name of wanted.configMaps) configMaps.forget(podNamespace(pod), name);
      for (const name of wanted.secrets) secrets.forget(podNamespace(pod), name);
    },
    release: (uid) => void followed.delete(uid),
  };
}

interface Reader<T> {
  readonly read: (namespace: string, name: string, signal: AbortSignal) => Promise<T | undefined>;
  readonly forget: (namespace: string, name: string) => void;
}

function reader<T extends { readonly immutable?: boolean }>(
  resource: Resource<T>,
  { client, clock, ttlMs }: ObjectCacheOptions,
  lifetime: AbortSignal,
): Reader<T> {
  const entries = new Map<string, Entry<T>>();
  const immutable = new Set<string>();
  const refused = new Map<string, Refusals>();

  /** Reading an object that keeps being refused does not wait for retries each time. */
  const ask = async (key: string, name: ObjectName): Promise<T | undefined> => {
    const refusals = refused.get(key) ?? { sinceMs: undefined };
    refused.set(key, refusals);
    const get = (): Promise<T | undefined> => getOrNothing(client, resource, name, lifetime);
    try {
      return await awaitBinding(get, { refusals, clock }, lifetime);
    } finally {
      if (refusals.sinceMs === undefined && refused.get(key) === refusals) refused.delete(key);
    }
  };

  const read: Reader<T>['read'] = async (namespace, name, signal) => {
    const key = `${namespace}/${name}`;
    const nowMs = clock.monotonicMs();
    for (const [old, { askedAtMs }] of entries) {
      const keepMs = immutable.has(old) ? 10 * ttlMs() : ttlMs();
      if (nowMs - askedAtMs < keepMs) continue;
      entries.delete(old);
      immutable.delete(old);
    }
    for (const [old, { sinceMs = nowMs }] of refused) {
      if (nowMs - sinceMs >= REFUSED_FOR_GOOD_MS) refused.delete(old);
    }
    const known = entries.get(key);
    if (known !== undefined) return known.answer;
    signal.throwIfAborted();
    const answer = ask(key, { namespace, name });
    entries.set(key, { askedAtMs: nowMs, answer });
    try {
      const found = await answer;
      // A missing object is requested again at the next read, because its pod waits for it.
      if (found === undefined) entries.delete(key);
      else if (found.immutable === true) immutable.add(key);
      return found;
    } catch (error) {
      entries.delete(key);
      throw error;
    }
  };
  const forget: Reader<T>['forget'] = (namespace, name) => {
    entries.delete(`${namespace}/${name}`);
    refused.delete(`${namespace}/${name}`);
  };
  return { read, forget };
}

async function getOrNothing<T>(
  client: KubeClient,
  resource: Resource<T>,
  name: ObjectName,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await client.get(resource, name, signal);
  } catch (error) {
    if (isKubeError(error, 'KUBE_NOT_FOUND')) return undefined;
    throw error;
  }
}
