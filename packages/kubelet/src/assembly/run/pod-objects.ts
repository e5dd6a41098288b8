import { parseQuantity, quantityToUnits } from '@nodeagent/base';
import type { KubeClient, Node, Pod } from '@nodeagent/kube-client';

import type { FollowedObjects, PodFollower } from '../../credentials/index.js';
import {
  createObjectCache,
  createObjectWatches,
  createPodCertificates,
  createTrustBundles,
} from '../../credentials/run/index.js';
import type { OwnNode } from '../../node/run/index.js';
import type { PodEvents, PodVolumes } from '../../pod/index.js';
import type { PodCertificateSource, TrustAnchorSource } from '../../volumes/index.js';
import type { Parts } from './parts.js';

/** Brings the news that something of a pod has changed to everyone who looks after the pod. */
export class PodWakes {
  readonly #listeners: ((podUid: string) => void)[] = [];

  onWake(listener: (podUid: string) => void): void {
    this.#listeners.push(listener);
  }

  wake(podUid: string): void {
    for (const listener of this.#listeners) listener(podUid);
  }
}

export interface ObjectParts extends Parts {
  readonly client: KubeClient;
  readonly ownNode: Pick<OwnNode, 'current'>;
  readonly wakes: PodWakes;
}

/** Longest age of config maps and secrets that are not watched; the Node's annotation overrules it. */
const OBJECT_TTL_MS = 60_000;
const TTL_ANNOTATION = 'node.alpha.kubernetes.io/ttl';

/** Config maps and secrets of pods, by watch or by cache as the configuration says. */
export function followObjects(parts: ObjectParts, lifetime: AbortSignal): FollowedObjects {
  const { config, client, ownNode, wakes, adapters } = parts;
  const { clock, random, log, metrics } = adapters;
  const strategy = config.configMapAndSecretChangeDetectionStrategy;
  if (strategy === 'Watch') {
    const onChange = (uid: string): void => wakes.wake(uid);
    return createObjectWatches({ client, clock, random, log, metrics, onChange }, lifetime);
  }
  const ttlMs = (): number => {
    if (strategy === 'Get') return 0;
    const seconds = ownNode.current()?.metadata?.annotations?.[TTL_ANNOTATION];
    return seconds !== undefined && /^\d+$/.test(seconds) ? Number(seconds) * 1000 : OBJECT_TTL_MS;
  };
  return createObjectCache({ client, clock, ttlMs }, lifetime);
}

export interface Projections {
  readonly trust?: TrustAnchorSource;
  readonly certificates?: PodCertificateSource;
  readonly followers: readonly PodFollower[];
}

/** Sources of projected volumes that feature gates switch on. */
export function openProjections(
  parts: ObjectParts & Readonly<{ events: PodEvents }>,
  lifetime: AbortSignal,
): Projections {
  const { config, identity, adapters, client, ownNode, wakes, events } = parts;
  const { clock, random, log, metrics } = adapters;
  const onChange = (uid: string): void => wakes.wake(uid);
  const trust =
    config.featureGates['ClusterTrustBundleProjection'] === true
      ? createTrustBundles({ client, clock, random, log, onChange }, lifetime)
      : undefined;
  const node = (): Node | undefined => ownNode.current();
  const certificates =
    config.featureGates['PodCertificateRequest'] === true
      ? createPodCertificates(
          {
            ...{ client, clock, random, log, metrics, events, node, onChange },
            nodeName: identity.nodeName,
            stubs: adapters.certificates.stubs,
          },
          lifetime,
        )
      : undefined;
  return {
    ...(trust && { trust }),
    ...(certificates && { certificates }),
    followers: [trust, certificates].filter((one) => one !== undefined),
  };
}

/** What a pod refers to is kept at hand from its first sync until its files are gone. */
export function withFollowers(volumes: PodVolumes, followers: readonly PodFollower[]): PodVolumes {
  return {
    ...volumes,
    prepare: (pod, signal) => {
      for (const one of followers) one.follow(pod);
      return volumes.prepare(pod, signal);
    },
    teardown: async (uid, signal) => {
      for (const one of followers) one.release(uid);
      await volumes.teardown(uid, signal);
    },
  };
}

/** The image is pulled all the same: it may need no secret, or one of the others. */
export function reportMissing(events: PodEvents): (pod: Pod, names: readonly string[]) => void {
  return (pod, names) => {
    const text = `Unable to retrieve some image pull secrets (${names.join(', ')}); attempting to pull the image may not succeed.`;
    events.warning(pod, 'FailedToRetrieveImagePullSecret', text);
  };
}

/** In bytes; undefined before the node's first status. */
export function allocatableMemory(node: Node | undefined): number | undefined {
  const quantity = parseQuantity(node?.status?.allocatable?.['memory'] ?? '');
  return quantity === undefined ? undefined : quantityToUnits(quantity);
}
