import {
  CSI_NODES,
  type CsiNode,
  type KubeObject,
  NODES,
  objectKey,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type Resource,
  STORAGE_CLASSES,
  type StorageClass,
  Store,
  VOLUME_ATTACHMENTS,
  type VolumeAttachment,
} from '@nodeagent/kube-client';

import type { View, ViewName } from '../model/view.js';

export const WATCHED: Readonly<Record<ViewName, Resource<KubeObject>>> = {
  claims: PERSISTENT_VOLUME_CLAIMS,
  volumes: PERSISTENT_VOLUMES,
  classes: STORAGE_CLASSES,
  attachments: VOLUME_ATTACHMENTS,
  nodes: NODES,
  csiNodes: CSI_NODES,
};

/**
 * The objects as last seen, or as we wrote them: the answer to a write enters at once, so that the
 * next plan does not order the write again.
 */
export class World {
  readonly stores: Readonly<Record<ViewName, Store<KubeObject>>>;

  /** @param onChange called after each change */
  constructor(onChange: () => void) {
    const names = Object.keys(WATCHED) as ViewName[];
    this.stores = Object.fromEntries(
      names.map((name) => [name, new Store<KubeObject>(onChange)]),
    ) as Record<ViewName, Store<KubeObject>>;
  }

  /** The present state; read it again after each wait. */
  get view(): View {
    const { claims, volumes, classes, attachments, nodes, csiNodes } = this.stores;
    return {
      claims: claims.items,
      volumes: volumes.items,
      classes: classes.items as ReadonlyMap<string, StorageClass>,
      attachments: attachments.items as ReadonlyMap<string, VolumeAttachment>,
      nodes: nodes.items,
      csiNodes: csiNodes.items as ReadonlyMap<string, CsiNode>,
    };
  }

  /**
   * Stores the server's answer to a write; not that of a write that let a deleted object go, when the
   * watch has already said that it is gone.
   */
  learn<T extends KubeObject>(name: ViewName, object: T): T {
    const key = objectKey(object);
    const isDeleted = object.metadata?.deletionTimestamp !== undefined;
    if (!isDeleted || this.stores[name].get(key) !== undefined)
      this.stores[name].upsert(key, object);
    return object;
  }
}
