import type {
  DeleteOptions,
  EventNote,
  KubeObject,
  ObjectName,
  OwnerReference,
  PatchType,
  PersistentVolumeClaim,
  Resource,
} from '@nodeagent/kube-client';

interface Reason {
  /** For logs and tests. */
  readonly why: string;
  /**
   * Recorded once the action has succeeded; `$name` in its message stands for the written object's
   * name.
   */
  readonly event?: EventNote;
}

/** A fact to ask the server for just before a write, because our view may be older than it. */
export type Guard =
  /** The server has no object of this name and uid. */
  | Readonly<{ kind: 'absent'; resource: Resource<KubeObject>; name: ObjectName; uid: string }>
  /** No pod on a node has the claim among its volumes. */
  | Readonly<{ kind: 'claim-unused'; claim: PersistentVolumeClaim }>;

/** One write of a controller; the actions of a plan are carried out in order. */
export type Action =
  | (Reason & Readonly<{ kind: 'create'; resource: Resource<KubeObject>; object: KubeObject }>)
  | (Reason & Readonly<{ kind: 'replace'; resource: Resource<KubeObject>; object: KubeObject }>)
  | (Reason &
      Readonly<{
        kind: 'patch';
        resource: Resource<KubeObject>;
        name: ObjectName;
        type: PatchType;
        body: unknown;
        subresource?: 'status' | 'approval';
        /** The write is left out when this does not hold. */
        guard?: Guard;
      }>)
  | (Reason &
      Readonly<{
        kind: 'delete';
        resource: Resource<KubeObject>;
        name: ObjectName;
        options: DeleteOptions;
      }>)
  /** Only records the event: once, until it says something else. */
  | (Reason & Readonly<{ kind: 'note'; uid: string; event: EventNote }>)
  | (Reason & Readonly<{ kind: 'bind'; pod: ObjectName; uid: string; node: string }>)
  /**
   * Deletes the object if the server has none of its owners: our view may be older than an owner.
   * An empty uid matches any object of that name.
   */
  | (Reason &
      Readonly<{
        kind: 'collect';
        resource: Resource<KubeObject>;
        name: ObjectName;
        uid: string;
        owners: readonly Readonly<{ resource: Resource<KubeObject>; reference: OwnerReference }>[];
        gracePeriodSeconds?: number;
      }>)
  /** Deletes all objects in the namespace, then removes its finalizer once it is empty. */
  | (Reason & Readonly<{ kind: 'empty-namespace'; namespace: string }>);

/** The present actions of a controller. */
export interface Plan {
  readonly actions: readonly Action[];
  /** Time until the next look without a change; never when absent. */
  readonly againInMs?: number;
}
