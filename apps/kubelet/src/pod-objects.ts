import {
  type Clock,
  type Logger,
  type Metrics,
  parseQuantity,
  quantityToUnits,
  type Random,
} from '@nodeagent/base';
import type { KubeClient, Node, Pod } from '@nodeagent/kube-client';
import {
  createObjectCache,
  createObjectWatches,
  createPodCertificates,
  createTrustBundles,
  type FollowedObjects,
  type OwnNode,
  type PodCertificateSource,
  type PodEvents,
  type PodFollower,
  type PodVolumes,
  type TrustAnchorSource,
} from '@nodeagent/kubelet';
import { createStubMaker } from '@nodeagent/kubelet/adapters';

import type { Options } from './options.js';

export interface ObjectsWiring {
  readonly options: Options;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly ownNode: OwnNode;
  readonly wakes: PodWakes;
}

/** The pull is tried all the same: the image may need no secret, or one of the others. */
export function tellMissing(events: PodEvents): (pod: Pod, names: readonly string[]) => void {
  return (pod, names) => {
    const text = `Unable to retrieve some image pull secrets (${names.join(', ')}); attempting to pull the image may not succeed.`;
    events.warning(pod, 'FailedToRetrieveImagePullSecret', text);
  };
}

/** Brings what has changed for a pod to whoever looks after it. */
export class PodWakes {
  readonly #listeners: ((podUid: string) => void)[] = [];

  onWake(listener: (podUid: string) => void): void {
    this.#listeners.push(listener);
  }

  wake(podUid: string): void {
    for (const listener of this.#listeners) listener(podUid);
  }
}

/** How old config maps and secrets may be that are not watched, unless the node's annotation says. */
const OBJECT_TTL_MS = 60_000;
const TTL_ANNOTATION = 'node.alpha.kubernetes.io/ttl';

/** Config maps and secrets, in the way that the configuration chooses. */
export function wireObjects(
  { options, client, clock, random, log, metrics, ownNode, wakes }: ObjectsWiring,
  lifetime: AbortSignal,
): FollowedObjects {
  const strategy = options.config.configMapAndSecretChangeDetectionStrategy;
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

export interface ProjectionsWiring extends ObjectsWiring {
  readonly events: PodEvents;
  readonly metrics: Metrics;
}

export interface WiredProjections {
  readonly sources: Readonly<{ trust?: TrustAnchorSource; certificates?: PodCertificateSource }>;
  readonly followers: readonly PodFollower[];
}

/** What projected volumes may show only where a feature gate says so. */
export function wireProjections(
  { options, ownNode, wakes, ...parts }: ProjectionsWiring,
  lifetime: AbortSignal,
): WiredProjections {
  const { featureGates } = options.config;
  const onChange = (uid: string): void => wakes.wake(uid);
  const trust =
    featureGates['ClusterTrustBundleProjection'] === true
      ? createTrustBundles({ ...parts, onChange }, lifetime)
      : undefined;
  const node = (): Node | undefined => ownNode.current();
  const { nodeName } = options;
  const certificates =
    featureGates['PodCertificateRequest'] === true
      ? createPodCertificates(
          { ...parts, stubs: createStubMaker(), nodeName, node, onChange },
          lifetime,
        )
      : undefined;
  return {
    sources: { ...(trust && { trust }), ...(certificates && { certificates }) },
    followers: [trust, certificates].filter((one) => one !== undefined),
  };
}

/** What a pod needs is kept at hand from its first sync until its files are gone. */
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

/** In bytes; undefined before the node's first status. */
export function allocatableMemory(node: Node | undefined): number | undefined {
  const quantity = parseQuantity(node?.status?.allocatable?.['memory'] ?? '');
  return quantity === undefined ? undefined : quantityToUnits(quantity);
}
