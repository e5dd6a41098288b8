import {
  type Node,
  PERSISTENT_VOLUME_CLAIMS,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type StorageClass,
} from '@nodeagent/kube-client';

import type { Action } from '../../model/action.js';
import type { View } from '../../model/view.js';
import { isDeleting, isFinished, nameOf } from '../objects.js';
import { claimVolume } from './bind-claims.js';
import {
  claimNameOf,
  classOf,
  isBound,
  isForClaim,
  isMadeForPod,
  isReachable,
  NO_PROVISIONER,
  SELECTED_NODE,
  selectedNode,
  waitsForPod,
} from './claims.js';
import { findVolume } from './match-volume.js';

/** The claims of a pod that is to be scheduled. */
export interface PodClaims {
  /** The volumes of bound claims. */
  readonly bound: readonly PersistentVolume[];
  /** Claims whose volumes wait for the pod's node. */
  readonly waiting: readonly PersistentVolumeClaim[];
}

/**
 * Looks up a pod's claims.
 *
 * @returns the reason, in the words of Kubernetes' scheduler, when they fit no node
 * @see Kubernetes 1.36 pkg/scheduler/framework/plugins/volumebinding
 */
export function claimsOfPod(pod: Pod, view: View): PodClaims | string {
  const bound: PersistentVolume[] = [];
  const waiting: PersistentVolumeClaim[] = [];
  for (const volume of pod.spec?.volumes ?? []) {
    const name = claimNameOf(pod, volume);
    if (name === undefined) continue;
    const claim = view.persistentVolumeClaims.get(`${pod.metadata?.namespace ?? ''}/${name}`);
    if (claim === undefined) {
      return volume.ephemeral === undefined
        ? `persistentvolumeclaim "${name}" not found`
        : `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`;
    }
    if (volume.ephemeral !== undefined && !isMadeForPod(claim, pod)) {
      return `PVC ${pod.metadata?.namespace}/${name} was not created for pod ${pod.metadata?.namespace}/${pod.metadata?.name} (pod is not owner)`;
    }
    if (claim.status?.phase === 'Lost') {
      return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`;
    }
    if (isDeleting(claim)) return `persistentvolumeclaim "${name}" is being deleted`;
    if (isTakenByPod(claim, view)) {
      return 'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod';
    }
    const found = view.persistentVolumes.get(claim.spec?.volumeName ?? '');
    if (isBound(claim) && found !== undefined) bound.push(found);
    else if (isBound(claim))
      return 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';
    else if (waitsForPod(view.storageClasses.get(classOf(claim)))) waiting.push(claim);
    else return 'pod has unbound immediate PersistentVolumeClaims';
  }
  return { bound, waiting };
}

function isTakenByPod(claim: PersistentVolumeClaim, view: View): boolean {
  if (!(claim.spec?.accessModes ?? []).includes('ReadWriteOncePod')) return false;
  return [...view.pods.values()].some(
    (pod) =>
      (pod.spec?.nodeName ?? '') !== '' &&
      !isFinished(pod) &&
      pod.metadata?.namespace === claim.metadata?.namespace &&
      pod.spec?.volumes?.some((volume) => claimNameOf(pod, volume) === claim.metadata?.name),
  );
}

/** Returns the reason why the claims' volumes cannot be on this node; undefined when they can. */
export function whyNotHere(claims: PodClaims, node: Node, view: View): string | undefined {
  if (claims.bound.some((volume) => !isReachable(volume, node))) {
    return "node(s) didn't match PersistentVolume's node affinity";
  }
  const taken = new Set<string>();
  for (const claim of claims.waiting) {
    const chosen = selectedNode(claim);
    const isHere = chosen === '' || chosen === node.metadata?.name;
    const volume = isHere ? volumeFor(claim, node, { view, taken }) : undefined;
    if (volume !== undefined) taken.add(volume.metadata?.name ?? '');
    else if (!isHere || !isMadeOn(view.storageClasses.get(classOf(claim)), node)) {
      return "node(s) didn't find available persistent volumes to bind";
    }
  }
  return exceedsLimit(claims, node, view) ? 'node(s) exceed max volume count' : undefined;
}

interface Choice {
  readonly view: View;
  readonly taken: ReadonlySet<string>;
}

function volumeFor(
  claim: PersistentVolumeClaim,
  node: Node,
  { view, taken }: Choice,
): PersistentVolume | undefined {
  return findVolume(claim, view.persistentVolumes.values(), { node, taken });
}

/** True when the class makes volumes that the node can reach. */
function isMadeOn(found: StorageClass | undefined, { metadata }: Node): boolean {
  if (found === undefined || found.provisioner === NO_PROVISIONER) return false;
  const terms = found.allowedTopologies ?? [];
  if (terms.length === 0) return true;
  return terms.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) =>
      values.includes(metadata?.labels?.[key] ?? ''),
    ),
  );
}

/** @see Kubernetes 1.36 pkg/scheduler/framework/plugins/nodevolumelimits/csi.go */
function exceedsLimit({ bound, waiting }: PodClaims, node: Node, view: View): boolean {
  const name = node.metadata?.name ?? '';
  const {
    drivers = [],
  }: { drivers?: readonly { name: string; allocatable?: { count?: number } }[] } =
    view.csiNodes.get(name)?.spec ?? {};
  return drivers.some((driver) => {
    const most = driver.allocatable?.count;
    if (most === undefined) return false;
    const added = [
      ...bound.flatMap((volume) => handleOf(volume, driver.name) ?? []),
      ...waiting
        .filter((claim) => view.storageClasses.get(classOf(claim))?.provisioner === driver.name)
        .map((claim) => `claim ${claim.metadata?.uid ?? ''}`),
    ];
    if (added.length === 0) return false;
    const used = handlesOn(name, driver.name, view);
    return new Set([...used, ...added]).size > Math.max(most, used.size);
  });
}

function handlesOn(node: string, driver: string, view: View): ReadonlySet<string> {
  const used = new Set<string>();
  for (const pod of view.pods.values()) {
    if (pod.spec?.nodeName !== node || isFinished(pod)) continue;
    for (const volume of pod.spec.volumes ?? []) {
      const claimName = claimNameOf(pod, volume);
      if (claimName === undefined) continue;
      const claim = view.persistentVolumeClaims.get(`${pod.metadata?.namespace}/${claimName}`);
      const found = view.persistentVolumes.get(claim?.spec?.volumeName ?? '');
      const handle = found === undefined ? undefined : handleOf(found, driver);
      if (handle !== undefined) used.add(handle);
    }
  }
  return used;
}

function handleOf({ spec }: PersistentVolume, driver: string): string | undefined {
  return spec?.csi?.driver === driver ? spec.csi.volumeHandle : undefined;
}

/**
 * Has the waiting claims' volumes bound or made for this node. The pod gets the node in a later plan,
 * once they are there.
 */
export function bindOnNode({ waiting }: PodClaims, node: Node, view: View): readonly Action[] {
  const taken = new Set<string>();
  return waiting.flatMap((claim): readonly Action[] => {
    const volume = volumeFor(claim, node, { view, taken });
    if (volume !== undefined) {
      taken.add(volume.metadata?.name ?? '');
      const isOrdered =
        isForClaim(volume, claim) && volume.spec?.claimRef?.uid === claim.metadata?.uid;
      return isOrdered ? [] : [claimVolume(volume, claim)];
    }
    const { name = '' } = node.metadata ?? {};
    if (selectedNode(claim) === name) return [];
    const { resourceVersion } = claim.metadata ?? {};
    const body = { metadata: { resourceVersion, annotations: { [SELECTED_NODE]: name } } };
    const target = { resource: PERSISTENT_VOLUME_CLAIMS, name: nameOf(claim) };
    return [{ kind: 'patch', ...target, type: 'merge', body, why: `its pod fits ${name} best` }];
  });
}
