import type { EventNote } from './model/event.js';
import type { KubeObject } from './model/objects.js';
import type { Resource } from './model/resource.js';

/** Names one object; `namespace` is absent for cluster-wide resources. */
export interface ObjectName {
  readonly namespace?: string;
  readonly name: string;
}

export interface Selectors {
  /** All namespaces when absent. */
  readonly namespace?: string;
  /** `app=web,!skip`. */
  readonly labelSelector?: string;
  /** `spec.nodeName=n1`. */
  readonly fieldSelector?: string;
}

export interface ListOptions extends Selectors {
  /** Page size; the server decides when absent. */
  readonly limit?: number;
  readonly continueToken?: string;
  /** `'0'`: any state the server has at hand; absent: the newest. */
  readonly resourceVersion?: string;
}

export interface ListPage<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  /** Present when more pages follow. */
  readonly continueToken?: string;
}

export interface WatchOptions extends Selectors {
  /** Changes after this version. */
  readonly resourceVersion: string;
  /** The server ends the watch after about this time. */
  readonly timeoutMs?: number;
  /**
   * A connection on which nothing arrives for so long, not even a bookmark, is given up with
   * `KUBE_UNAVAILABLE`. Absent: silence is no reason. A real server may say nothing of a quiet kind for
   * as long as the watch lasts, and peers that are gone are found by the transport.
   */
  readonly idleTimeoutMs?: number;
}

export type WatchEvent<T> =
  | Readonly<{ type: 'added' | 'modified' | 'deleted'; object: T }>
  | Readonly<{ type: 'bookmark'; resourceVersion: string }>;

/** RFC 6902, RFC 7386, Kubernetes' strategic merge, server-side apply. */
export type PatchType = 'json' | 'merge' | 'strategic-merge' | 'apply';

export interface Patch {
  readonly type: PatchType;
  readonly body: unknown;
  /** Obligatory for `apply`. */
  readonly fieldManager?: string;
  /** `apply` only: takes over fields that others own. */
  readonly force?: boolean;
}

export interface DeleteOptions {
  /** 0 deletes at once; the object's own period when absent. */
  readonly gracePeriodSeconds?: number;
  /** Refused with `KUBE_CONFLICT` when the object has another uid. */
  readonly uid?: string;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
}

/**
 * The verbs of the Kubernetes API that agents use. Every call throws {@link KubeError}; an aborted
 * signal rejects with the signal's reason.
 *
 * Objects that it hands out have no null members: what a server sends as null is absent. The types
 * of the objects are a promise of the API server's that nobody checks here.
 */
export interface KubeClient {
  get<T>(resource: Resource<T>, name: ObjectName, signal: AbortSignal): Promise<T>;
  list<T>(resource: Resource<T>, options: ListOptions, signal: AbortSignal): Promise<ListPage<T>>;
  /** Ends when the server ends it; throws `KUBE_GONE` when the version is too old. */
  watch<T>(
    resource: Resource<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, signal: AbortSignal): Promise<T>;
  /** Replaces the whole object; `KUBE_CONFLICT` when its resourceVersion is not the newest. */
  replace<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: SubresourceOptions,
    signal: AbortSignal,
  ): Promise<T>;
  patch<T>(
    resource: Resource<T>,
    name: ObjectName,
    patch: Patch & SubresourceOptions,
    signal: AbortSignal,
  ): Promise<T>;
  /** Resolves once accepted; the object may live on until its grace period or finalizers end. */
  delete<T>(
    resource: Resource<T>,
    name: ObjectName,
    options: DeleteOptions,
    signal: AbortSignal,
  ): Promise<void>;
  /** POST to a subresource with a body of another kind, e.g. `serviceaccounts/token`. */
  createSubresource<Body, Answer>(
    target: Readonly<{ resource: Resource<unknown>; name: ObjectName; subresource: string }>,
    body: Body,
    signal: AbortSignal,
  ): Promise<Answer>;
}

export interface SubresourceOptions {
  /** e.g. `status`. */
  readonly subresource?: string;
}

/** What a reflector tells; calls never overlap, and follow the order of the API server's changes. */
export interface ReflectorSink<P> {
  /** The whole state, after the first list and after every re-list; absent keys are gone. */
  replace(items: ReadonlyMap<string, P>): void;
  /** Added or changed. */
  upsert(key: string, item: P): void;
  remove(key: string): void;
}

/** Tells users about objects, by events in the API; never blocks, never throws. */
export interface EventRecorder {
  record(note: EventNote): void;
}

/** What proves who we are on one request. The same object as long as nothing changed. */
export interface Credential {
  /** Value of the Authorization header. */
  readonly authorization?: string;
  /** For TLS client authentication. */
  readonly certificatePem?: string;
  readonly keyPem?: string;
}

export interface CredentialSource {
  /** @throws {KubeError} `KUBE_CONFIG` when there is none to be had */
  current(signal: AbortSignal): Promise<Credential>;
  /** The server did not accept it: the next `current` fetches anew, past any cache. */
  refuse(credential: Credential): void;
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** Longest silence of the server, before and within its answer. */
  readonly idleTimeoutMs: number;
  /** Longest silence within the answer, where that is another; Infinity: no limit. */
  readonly bodyIdleTimeoutMs?: number;
}

export interface TransportResponse {
  readonly httpStatus: number;
  readonly retryAfter: string | undefined;
  /** Must be read to its end, or left by `return`, which closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** HTTP exchanges with one API server; the seam under the client. */
export interface Transport {
  /** @throws {KubeError} `KUBE_UNAVAILABLE` when no answer came, also while reading the body */
  send(
    request: TransportRequest,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<TransportResponse>;
  /** Ends all connections. */
  close(): void;
}
