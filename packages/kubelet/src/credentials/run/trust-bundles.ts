import type { Clock, Logger, Metrics, Random } from '@nodeagent/base';
import {
  CLUSTER_TRUST_BUNDLES,
  type ClusterTrustBundle,
  isKubeError,
  type KubeClient,
  type Pod,
  type Resource,
  runReflector,
} from '@nodeagent/kube-client';

import { checkTypes, podUid } from '../../pod/index.js';
import type { TrustAnchorSource, TrustBundleRef } from '../../volumes/index.js';
import { projectedSources } from '../plan/projected-sources.js';
import { missingBundleText, trustAnchors } from '../plan/trust-anchors.js';
import type { PodFollower } from '../ports.js';

export interface TrustBundlesOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: Metrics | undefined;
  /** The content of this pod's volumes may have changed. */
  readonly onChange: (podUid: string) => void;
}

/** Maximum wait of a pod for the first list. */
const FIRST_LIST_MS = 10_000;

/** The version that older API servers have. */
const ALPHA: Resource<ClusterTrustBundle> = { ...CLUSTER_TRUST_BUNDLES, version: 'v1alpha1' };

/**
 * The cluster's trust bundles, watched from a pod's first request for one.
 *
 * @param lifetime ends the watch
 * @see Kubernetes 1.36 pkg/kubelet/clustertrustbundle/clustertrustbundle_manager.go
 */
export function createTrustBundles(
  options: TrustBundlesOptions,
  lifetime: AbortSignal,
): TrustAnchorSource & PodFollower {
  const salt = String(options.random());
  const users = new Set<string>();
  const watched = new WatchedBundles(options, () => users.forEach(options.onChange));
  return {
    anchors: async (ref: TrustBundleRef, signal) => {
      const bundles = await watched.all(signal, lifetime);
      const found = trustAnchors(bundles, ref, salt);
      if (found === undefined && ref.optional !== true) throw new Error(missingBundleText(ref));
      return found ?? '';
    },
    follow: (pod: Pod) => {
      const uses = projectedSources(pod).some(({ source }) => source.clusterTrustBundle);
      if (uses) users.add(podUid(pod));
    },
    release: (uid) => void users.delete(uid),
  };
}

class WatchedBundles {
  readonly #options: TrustBundlesOptions;
  readonly #onChange: () => void;
  readonly #bundles = new Map<string, ClusterTrustBundle>();
  #listed: Promise<void> | undefined;
  #isListed = false;
  /** A pod gave up waiting for an answer. */
  #isMissed = false;

  constructor(options: TrustBundlesOptions, onChange: () => void) {
    this.#options = options;
    this.#onChange = onChange;
  }

  /** @throws if the API does not exist or gives no answer in time; {KubeError} */
  async all(signal: AbortSignal, lifetime: AbortSignal): Promise<readonly ClusterTrustBundle[]> {
    if (!this.#isListed) await this.#firstList(signal, lifetime);
    return [...this.#bundles.values()];
  }

  async #firstList(signal: AbortSignal, lifetime: AbortSignal): Promise<void> {
    if (this.#listed === undefined) {
      const resource = await this.#servedVersion(signal);
      this.#listed ??= this.#start(resource, lifetime);
    }
    const end = new AbortController();
    const limit = this.#options.clock.sleep(FIRST_LIST_MS, AbortSignal.any([signal, end.signal]));
    await Promise.race([this.#listed, limit]);
    end.abort('listed');
    signal.throwIfAborted();
    if (this.#isListed) return;
    this.#isMissed = true;
    throw new Error('ClusterTrustBundle informer has not yet synced');
  }

  async #servedVersion(signal: AbortSignal): Promise<Resource<ClusterTrustBundle>> {
    for (const resource of [CLUSTER_TRUST_BUNDLES, ALPHA]) {
      try {
        await this.#options.client.list(resource, { limit: 1 }, signal);
        return resource;
      } catch (error) {
        if (!isKubeError(error, 'KUBE_NOT_FOUND')) throw error;
      }
    }
    throw new Error('the API server has no ClusterTrustBundles');
  }

  /** Resolves with the first list. */
  #start(resource: Resource<ClusterTrustBundle>, lifetime: AbortSignal): Promise<void> {
    const { client, clock, random, log, metrics } = this.#options;
    return new Promise((resolve) => {
      const sink = {
        replace: (items: ReadonlyMap<string, ClusterTrustBundle>) => {
          this.#bundles.clear();
          for (const [key, bundle] of items) this.#bundles.set(key, bundle);
          const isNews = this.#isListed || this.#isMissed;
          this.#isListed = true;
          resolve();
          if (isNews) this.#onChange();
        },
        upsert: (key: string, bundle: ClusterTrustBundle) => {
          this.#bundles.set(key, bundle);
          this.#onChange();
        },
        remove: (key: string) => {
          this.#bundles.delete(key);
          this.#onChange();
        },
      };
      const onError = (err: Error, retryInMs: number): void =>
        log.warn({ err, retryInMs }, 'trust bundles cannot be watched');
      const watch = { resource, project: kept, sink, clock, random, log, metrics, onError };
      runReflector(client, watch, lifetime).catch((err: unknown) =>
        log.error({ err }, 'watch of trust bundles failed'),
      );
    });
  }
}

/**
 * Keeps the fields that select trust anchors or contain them.
 *
 * @throws {TypeError} if a field does not have the type that the API promises
 */
function kept({ metadata, spec }: ClusterTrustBundle): ClusterTrustBundle {
  const { name, labels } = metadata ?? {};
  checkTypes({ spec }, { spec: 'object' });
  checkTypes(spec, { trustBundle: 'string' }, 'spec.');
  return { metadata: { ...(name && { name }), ...(labels && { labels }) }, spec };
}
