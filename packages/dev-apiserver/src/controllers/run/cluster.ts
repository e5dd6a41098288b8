import {
  CERTIFICATE_SIGNING_REQUESTS,
  CONFIG_MAPS,
  CSI_DRIVERS,
  CSI_NODES,
  DAEMON_SETS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  type KubeObject,
  LEASES,
  NAMESPACES,
  NODES,
  objectKey,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  type ReflectorSink,
  REPLICA_SETS,
  type Resource,
  type Selectors,
  SERVICE_ACCOUNTS,
  SERVICES,
  STATEFUL_SETS,
  STORAGE_CLASSES,
  VOLUME_ATTACHMENTS,
} from '@nodeagent/kube-client';

import type { View, ViewName } from '../model/view.js';

export interface Watched {
  readonly resource: Resource<KubeObject>;
  readonly selectors?: Selectors;
}

export const WATCHED: Readonly<Record<ViewName, Watched>> = {
  pods: { resource: PODS },
  nodes: { resource: NODES },
  services: { resource: SERVICES },
  endpointSlices: { resource: ENDPOINT_SLICES },
  deployments: { resource: DEPLOYMENTS },
  replicaSets: { resource: REPLICA_SETS },
  namespaces: { resource: NAMESPACES },
  serviceAccounts: { resource: SERVICE_ACCOUNTS },
  configMaps: {
    resource: CONFIG_MAPS,
    selectors: { fieldSelector: 'metadata.name=kube-root-ca.crt' },
  },
  signingRequests: { resource: CERTIFICATE_SIGNING_REQUESTS },
  daemonSets: { resource: DAEMON_SETS },
  statefulSets: { resource: STATEFUL_SETS },
  persistentVolumes: { resource: PERSISTENT_VOLUMES },
  persistentVolumeClaims: { resource: PERSISTENT_VOLUME_CLAIMS },
  storageClasses: { resource: STORAGE_CLASSES },
  volumeAttachments: { resource: VOLUME_ATTACHMENTS },
  csiDrivers: { resource: CSI_DRIVERS },
  csiNodes: { resource: CSI_NODES },
  leases: { resource: LEASES, selectors: { namespace: 'kube-node-lease' } },
};

/**
 * The objects as last seen, or as we wrote them. The answer to a write enters at once, so that the
 * next plan does not order the write again; an older state that arrives later by a watch is
 * ignored.
 */
export class Cluster {
  readonly #stores = new Map<ViewName, Map<string, KubeObject>>();
  readonly #listeners = new Map<ViewName, Set<() => void>>();

  /** Live: changes under the reader between awaits. */
  readonly view: View;

  constructor() {
    const names = Object.keys(WATCHED) as ViewName[];
    for (const name of names) this.#stores.set(name, new Map());
    this.view = Object.fromEntries(this.#stores) as unknown as View;
  }

  /** Calls back after each change of one of these kinds. */
  subscribe(names: readonly ViewName[], listener: () => void): void {
    for (const name of names) {
      const listeners = this.#listeners.get(name) ?? new Set();
      this.#listeners.set(name, listeners.add(listener));
    }
  }

  sink(name: ViewName): ReflectorSink<KubeObject> {
    const store = this.#store(name);
    return {
      replace: (items) => {
        for (const key of store.keys()) if (!items.has(key)) store.delete(key);
        for (const [key, item] of items) put(store, key, item);
        this.#notify(name);
      },
      upsert: (key, item) => {
        put(store, key, item);
        this.#notify(name);
      },
      remove: (key) => {
        store.delete(key);
        this.#notify(name);
      },
    };
  }

  /**
   * Stores the server's answer to a write; not that of a write that let a deleted object go, when the
   * watch has already said that it is gone.
   */
  learn(resource: Resource<KubeObject>, object: KubeObject): void {
    const name = nameOfResource(resource);
    if (name === undefined) return;
    const isDeleted = object.metadata?.deletionTimestamp !== undefined;
    if (isDeleted && !this.#store(name).has(objectKey(object))) return;
    put(this.#store(name), objectKey(object), object);
    this.#notify(name);
  }

  /** Changes our copy after a write whose answer does not hold the object. */
  amend(
    resource: Resource<KubeObject>,
    key: string,
    change: (object: KubeObject) => KubeObject,
  ): void {
    const name = nameOfResource(resource);
    const known = name === undefined ? undefined : this.#store(name).get(key);
    if (name === undefined || known === undefined) return;
    this.#store(name).set(key, change(known));
    this.#notify(name);
  }

  #store(name: ViewName): Map<string, KubeObject> {
    return this.#stores.get(name) ?? new Map<string, KubeObject>();
  }

  #notify(name: ViewName): void {
    for (const listener of this.#listeners.get(name) ?? []) listener();
  }
}

function nameOfResource(resource: Resource<KubeObject>): ViewName | undefined {
  const found = Object.entries(WATCHED).find(
    ([, watched]) =>
      watched.resource.plural === resource.plural && watched.resource.group === resource.group,
  );
  return found?.[0] as ViewName | undefined;
}

function put(store: Map<string, KubeObject>, key: string, object: KubeObject): void {
  const known = store.get(key);
  if (known !== undefined && isOlder(object, known)) return;
  store.set(key, object);
}

/**
 * Resource versions of one object are decimal numbers that grow.
 *
 * @see Kubernetes 1.36 apimachinery/pkg/util/resourceversion
 */
function isOlder(object: KubeObject, than: KubeObject): boolean {
  if (object.metadata?.uid !== than.metadata?.uid) return false;
  const [left = '', right = ''] = [object, than].map(({ metadata }) => metadata?.resourceVersion);
  return left.length === right.length ? left < right : left.length < right.length;
}
