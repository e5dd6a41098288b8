import type { ChannelHandlers, ChannelProtocol, ChannelSocket } from '@nodeagent/pod-streams';

import type { EventNote } from './model/event.js';
import type { KubeObject } from './model/objects.js';
import type { AnyResource, Resource } from './model/resource.js';

/** Names one object; `namespace` is absent for cluster-wide resources. */
export interface ObjectName {
  readonly namespace?: string;
  readonly name: string;
}

/** Restricts a list or a watch, in Kubernetes' own syntax. */
export interface Selectors {
  /** All namespaces when absent. */
  readonly namespace?: string;
  /** `app=web,!skip`. */
  readonly labelSelector?: string;
  /** `spec.nodeName=n1`. */
  readonly fieldSelector?: string;
}

/** Selects objects of a list, page by page. */
export interface ListOptions extends Selectors {
  /** Page size; the server decides when absent. */
  readonly limit?: number;
  readonly continueToken?: string;
  /** `'0'`: any state the server has at hand; absent: the newest. */
  readonly resourceVersion?: string;
}

/** Objects of one page; a watch that continues a list starts at its `resourceVersion`. */
export interface ListPage<T> {
  readonly items: readonly T[];
  /**
   * Empty for kinds that the server computes, such as component statuses and metrics: they cannot be
   * watched.
   */
  readonly resourceVersion: string;
  /** Present when more pages follow. */
  readonly continueToken?: string;
}

/** The start of a watch, and the time after which it ends. */
export interface WatchOptions extends Selectors {
  /** Watches changes after this version. */
  readonly resourceVersion: string;
  /** The server ends the watch after about this time. */
  readonly timeoutMs?: number;
  /**
   * Abandons a connection with `KUBE_UNAVAILABLE` when nothing arrives for this long, not even a
   * bookmark. When absent, silence is no reason to abandon it: a real server may be silent as long
   * as the watch lasts, and the transport detects peers that vanished.
   */
  readonly idleTimeoutMs?: number;
}

/** A change, or a bookmark: the version up to which the watch has reported everything. */
export type WatchEvent<T> =
  | Readonly<{ type: 'added' | 'modified' | 'deleted'; object: T }>
  | Readonly<{ type: 'bookmark'; resourceVersion: string }>;

/** RFC 6902, RFC 7386, Kubernetes' strategic merge, server-side apply. */
export type PatchType = 'json' | 'merge' | 'strategic-merge' | 'apply';

/** A change of an object that leaves other fields alone. */
export interface Patch {
  readonly type: PatchType;
  readonly body: unknown;
  /** Required for `apply`. */
  readonly fieldManager?: string;
  /** For `apply` only: takes over fields that other managers own. */
  readonly force?: boolean;
}

/** Conditions and manner of a deletion. */
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
 * Returned objects have no null members: a null from the server becomes an absent member. The types
 * of the objects are the API server's promise and are not checked here.
 */
export interface KubeClient {
  get<T>(resource: Resource<T>, name: ObjectName, signal: AbortSignal): Promise<T>;
  list<T>(resource: Resource<T>, options: ListOptions, signal: AbortSignal): Promise<ListPage<T>>;
  /** Ends when the server ends the watch; throws `KUBE_GONE` when the version is too old. */
  watch<T>(
    resource: Resource<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  /** Kinds that are only created (`createOnly`), such as reviews, come back with their answer. */
  create<T extends KubeObject>(
    resource: AnyResource<T>,
    object: NoInfer<T>,
    signal: AbortSignal,
  ): Promise<T>;
  /** Replaces the whole object; `KUBE_CONFLICT` when its resourceVersion is not the newest. */
  replace<T extends KubeObject>(
    resource: Resource<T>,
    object: NoInfer<T>,
    options: SubresourceOptions,
    signal: AbortSignal,
  ): Promise<T>;
  patch<T>(
    resource: Resource<T>,
    name: ObjectName,
    patch: Patch & SubresourceOptions,
    signal: AbortSignal,
  ): Promise<T>;
  /**
   * Resolves once the server has accepted the deletion; the object may exist until its grace period
   * or finalizers end.
   */
  delete<T>(
    resource: Resource<T>,
    name: ObjectName,
    options: DeleteOptions,
    signal: AbortSignal,
  ): Promise<void>;
  /** POST to a subresource with a body of another kind, e.g. `serviceaccounts/token`. */
  createSubresource(
    target: Readonly<{ resource: Resource<unknown>; name: ObjectName; subresource: string }>,
    body: unknown,
    signal: AbortSignal,
  ): Promise<unknown>;
}

/** The part of a container's log to read. */
export interface PodLogOptions {
  /** Needed in pods with several containers. */
  readonly container?: string;
  /** Goes on until the container has ended; stops at the present end when absent. */
  readonly follow?: boolean;
  /** The log of the container's run before this one. */
  readonly previous?: boolean;
  /** Only the last lines. */
  readonly tailLines?: number;
  /** Only lines written after this time, in milliseconds since the epoch. */
  readonly sinceMs?: number;
  /** The server ends the log after this many bytes. */
  readonly limitBytes?: number;
  /** Each line begins with its time. */
  readonly timestamps?: boolean;
}

/** The container to attach to, and the streams of the session. */
export interface AttachOptions {
  /** Needed in pods with several containers, unless the pod names its default container. */
  readonly container?: string;
  /** False when absent. */
  readonly stdin?: boolean;
  /** True when absent. */
  readonly stdout?: boolean;
  /** True when absent; a terminal has no stream of its own for errors. */
  readonly stderr?: boolean;
  /** Gives the command a terminal; to attach, whether the container has one. False when absent. */
  readonly tty?: boolean;
}

/** A command to run in a container, and the streams of its session. */
export interface ExecOptions extends AttachOptions {
  /** Program and arguments; no shell reads them. */
  readonly command: readonly string[];
}

/** Names the part of an object that a call is about; the object itself when absent. */
export interface SubresourceOptions {
  /** E.g. `status`. */
  readonly subresource?: string;
}

/**
 * Receives a reflector's state. Calls never overlap, and follow the order of the API server's
 * changes.
 */
export interface ReflectorSink<P> {
  /**
   * Receives the whole state, after the first list and after every re-list; keys that are absent no
   * longer exist.
   */
  replace(items: ReadonlyMap<string, P>): void;
  /** Receives an added or changed object. */
  upsert(key: string, item: P): void;
  remove(key: string): void;
}

/** Reports events about objects to users through the API; never blocks, never throws. */
export interface EventRecorder {
  record(note: EventNote): void;
}

/**
 * The identity presented with one request. It is the same object as long as nothing has changed.
 */
export interface Credential {
  /** Value of the Authorization header. */
  readonly authorization?: string;
  /** For TLS client authentication. */
  readonly certificatePem?: string;
  readonly keyPem?: string;
}

export interface CredentialSource {
  /** @throws {KubeError} `KUBE_CONFIG` when no credential can be obtained */
  current(signal: AbortSignal): Promise<Credential>;
  /**
   * Reports that the server refused a credential: the next `current` fetches a new one, bypassing
   * every cache.
   */
  refuse(credential: Credential): void;
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Includes the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** Maximum silence of the server, before and within its answer. */
  readonly idleTimeoutMs: number;
  /** Maximum silence within the answer, if it differs; Infinity means no limit. */
  readonly bodyIdleTimeoutMs?: number;
}

export interface TransportResponse {
  readonly httpStatus: number;
  readonly retryAfter: string | undefined;
  /** The caller must read it to its end, or leave it by `return`, which closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** A request for a connection of numbered channels, for one session. */
export interface ChannelRequest {
  /** Includes the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** The best one first. */
  readonly protocols: readonly ChannelProtocol[];
  /** Maximum silence of the server until it has answered. */
  readonly idleTimeoutMs: number;
  readonly handlers: ChannelHandlers;
}

/** HTTP exchanges with one API server: the layer below the client. */
export interface Transport {
  /** @throws {KubeError} `KUBE_UNAVAILABLE` when there is no answer; also while the body is read */
  send(
    request: TransportRequest,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<TransportResponse>;
  /**
   * Opens a connection of its own for a session, which it keeps until it is closed or the signal fires.
   *
   * @throws {KubeError} the server's refusal; `KUBE_UNAVAILABLE` when there is no answer, also passed to
   *   the handlers when the connection breaks
   */
  openChannels(
    request: ChannelRequest,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<ChannelSocket>;
  /** Closes all connections. */
  close(): void;
}
