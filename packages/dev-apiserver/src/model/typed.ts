import type {
  Container,
  DaemonSet,
  Deployment,
  Node,
  Pod,
  ReplicaSet,
  Service,
  StatefulSet,
} from '@nodeagent/kube-client';

import type { ApiObject } from './object.js';

/** The client's own pod type leaves ephemeral containers out. */
type WholePod = Pod & Readonly<{ spec?: { ephemeralContainers?: Container[] } }>;

/** The client's types of built-in kinds. */
interface Types {
  readonly DaemonSet: DaemonSet;
  readonly Deployment: Deployment;
  readonly Node: Node;
  readonly Pod: WholePod;
  readonly ReplicaSet: ReplicaSet;
  readonly Service: Service;
  readonly StatefulSet: StatefulSet;
}

/** An object whose fields have the types of its kind: bodies with others are refused when they are decoded. */
export type Typed<K extends keyof Types> = ApiObject & Types[K];

/** @throws {TypeError} for an object of another kind, which is a bug */
export function typed<K extends keyof Types>(kind: K, object: ApiObject): Typed<K> {
  if (isTyped(kind, object)) return object;
  throw new TypeError(`expected a ${kind}, got a ${object.kind}`);
}

function isTyped<K extends keyof Types>(kind: K, object: ApiObject): object is Typed<K> {
  return object.kind === kind;
}
