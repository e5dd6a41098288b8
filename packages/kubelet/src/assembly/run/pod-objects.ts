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
import { gatedParts } from '../plan/gated-parts.js';
import { objectTtlMs } from '../plan/source-rules.js';
import type { Parts } from './parts.js';

/** Notifies all listeners that an object which a pod refers to has changed. */
export class PodWakes {
  readonly #listeners: ((podUid: string) => void)[] = [];

  onWake(listener: (podUid: string) => void): void {
    this.#listeners.push(listener);
  }

  wake(podUid: string): void {
    for (const listener of this.#listeners) listener(podUid);
  }
}

export interface ObjectPorts {
  readonly client: KubeClient;
  readonly ownNode: Pick<OwnNode, 'current'>;
  readonly wakes: PodWakes;
  readonly events: PodEvents;
}

/** Config maps and secrets of pods, watched or cached according to the configuration. */
export function followObjects(
  { config, adapters }: Parts,
  { client, ownNode, wakes }: ObjectPorts,
  lifetime: AbortSignal,
): FollowedObjects {
  const { clock, random, log, metrics } = adapters;
  const ttlMs = (): number | undefined =>
    objectTtlMs(config, ownNode.current()?.metadata?.annotations);
  if (ttlMs() === undefined) {
    const onChange = (uid: string): void => wakes.wake(uid);
    return createObjectWatches({ client, clock, random, log, metrics, onChange }, lifetime);
  }
  return createObjectCache({ client, clock, ttlMs: () => ttlMs() ?? 0 }, lifetime);
}

export interface Projections {
  readonly trust: (TrustAnchorSource & PodFollower) | undefined;
  readonly certificates: (PodCertificateSource & PodFollower) | undefined;
}

/** Sources of projected volumes that depend on feature gates. */
export function openProjections(
  { config, identity, adapters }: Parts,
  { client, ownNode, wakes, events }: ObjectPorts,
  lifetime: AbortSignal,
): Projections {
  const { clock, random, log, metrics } = adapters;
  const onChange = (uid: string): void => wakes.wake(uid);
  const { trustBundles, podCertificates } = gatedParts(config);
  const trust = trustBundles
    ? createTrustBundles({ client, clock, random, log, onChange }, lifetime)
    : undefined;
  const node = (): Node | undefined => ownNode.current();
  const certificates = podCertificates
    ? createPodCertificates(
        {
          ...{ client, clock, random, log, metrics, events, node, onChange },
          nodeName: identity.nodeName,
          stubs: adapters.certificates.stubs,
        },
        lifetime,
      )
    : undefined;
  return { trust, certificates };
}

/** Keeps objects that a pod refers to available from its first sync until its files are removed. */
export function withFollowers(volumes: PodVolumes, followers: readonly PodFollower[]): PodVolumes {
  return {
    podsOnDisk: (signal) => volumes.podsOnDisk(signal),
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

/** Reports missing pull secrets. The pull goes on: the image may need none, or another secret. */
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
