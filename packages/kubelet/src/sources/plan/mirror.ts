import type { Node, Pod } from '@nodeagent/kube-client';

import { HASH_ANNOTATION, isDeleting, MIRROR_ANNOTATION } from '../../pod/index.js';

/** The state of one full pod name. */
export interface MirrorView {
  /** The static pod that runs under the name and is still in its source. */
  readonly running: Pod | undefined;
  /** A static pod of the name waits for its turn, or is still being stopped. */
  readonly others: boolean;
  /** The mirror pod in the API. */
  readonly mirror: Pod | undefined;
  readonly node: Node | undefined;
  /** Every source has delivered its pods, so a mirror without a static pod is an orphan. */
  readonly synced: boolean;
}

export type MirrorAction =
  | Readonly<{ kind: 'none' }>
  /** Deletes only the object with this `uid`; if undefined, any object of the name. */
  | Readonly<{ kind: 'delete'; uid: string | undefined; why: string }>
  | Readonly<{ kind: 'create'; mirror: Pod }>;

const NONE: MirrorAction = { kind: 'none' };

/**
 * Plans the change to a mirror pod: the API server's copy of a static pod, which shows the pod and
 * its status to users.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet.go, tryReconcileMirrorPods
 */
export function planMirror(view: MirrorView): MirrorAction {
  const { running, others, mirror, node, synced } = view;
  if (running === undefined) {
    if (mirror === undefined || others || !synced) return NONE;
    return { kind: 'delete', uid: undefined, why: 'there is no static pod of the name' };
  }
  if (mirror === undefined) {
    const usable = node !== undefined && node.metadata?.deletionTimestamp === undefined;
    return usable ? { kind: 'create', mirror: mirrorPod(running, node) } : NONE;
  }
  const uid = mirror.metadata?.uid;
  if (isDeleting(mirror)) return { kind: 'delete', uid, why: 'it is being deleted' };
  if (!shows(mirror, running)) return { kind: 'delete', uid, why: 'it shows another manifest' };
  return NONE;
}

/** The mirror belongs to exactly this static pod. */
export function shows(mirror: Pod, pod: Pod): boolean {
  const hash = pod.metadata?.annotations?.[HASH_ANNOTATION];
  return mirror.metadata?.annotations?.[MIRROR_ANNOTATION] === hash;
}

function mirrorPod(pod: Pod, node: Node): Pod {
  const { name = '', uid = '' } = node.metadata ?? {};
  const { uid: hash = '', ...metadata } = pod.metadata ?? {};
  const owner = { apiVersion: 'v1', kind: 'Node', name, uid, controller: true };
  const annotations = {
    ...metadata.annotations,
    [MIRROR_ANNOTATION]: metadata.annotations?.[HASH_ANNOTATION] ?? hash,
  };
  return { ...pod, metadata: { ...metadata, annotations, ownerReferences: [owner] } };
}
