import type {
  DeleteOptions,
  EventNote,
  KubeObject,
  ObjectName,
  OwnerReference,
  PatchType,
  Resource,
} from '@nodeagent/kube-client';

interface Reason {
  /** For people: logs and tests. */
  readonly why: string;
  /** Told once the action has succeeded; `$name` in its message is the written object's name. */
  readonly event?: EventNote;
}

/** One write that a controller wants; carried out in the order of the plan. */
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
      }>)
  | (Reason &
      Readonly<{
        kind: 'delete';
        resource: Resource<KubeObject>;
        name: ObjectName;
        options: DeleteOptions;
      }>)
  | (Reason & Readonly<{ kind: 'bind'; pod: ObjectName; uid: string; node: string }>)
  /**
   * Deletes the object if the server has none of the owners: our view may be older than they are.
   * An empty uid stands for any object of that name.
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
  /** Deletes everything in the namespace, then lets it go once it is empty. */
  | (Reason & Readonly<{ kind: 'empty-namespace'; namespace: string }>);

/** What a controller wants now. */
export interface Plan {
  readonly actions: readonly Action[];
  /** When to look again although nothing changed; never when absent. */
  readonly againInMs?: number;
}
