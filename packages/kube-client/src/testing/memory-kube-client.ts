import { type Clock, formatTimestamp } from '@nodeagent/base';
import { ManualClock } from '@nodeagent/base/testing';

import { withoutNulls } from '../codec/decode-json.js';
import { KubeError } from '../model/errors.js';
import type { KubeObject } from '../model/objects.js';
import type { AnyResource, CreateOnlyResource, Resource } from '../model/resource.js';
import { PODS } from '../model/resources/core.js';
import { checkNewObject, checkObjectName } from '../plan/object-name.js';
import type {
  DeleteOptions,
  KubeClient,
  ListOptions,
  ListPage,
  ObjectName,
  Patch,
  SubresourceOptions,
  WatchEvent,
  WatchOptions,
} from '../ports.js';
import type { CallMatch, MemoryCall } from './memory-call.js';
import {
  bind,
  byKey,
  conflict,
  conflictOf,
  covers,
  idOf,
  keyOf,
  matcher,
  metadataOf,
  nameOf,
  suffix,
  target,
  uidOf,
} from './memory-object.js';
import { MemoryStore } from './memory-store.js';
import { afterDelete, created, mayRemove, updated } from './object-rules.js';
import { applyPatch, isObject, type Json } from './patch.js';

/** Answers a POST to a subresource; `update` stores the object that it changed. */
export type SubresourceHandler = (
  object: KubeObject,
  body: unknown,
  update: (object: KubeObject) => void,
) => unknown;

/** The clock, and answers that the client does not have itself. */
export interface MemoryKubeClientOptions {
  /** Sets time stamps; a {@link ManualClock} when absent. */
  readonly clock?: Clock;
  /**
   * Answers of POST subresources other than `pods/binding`, `pods/eviction` and
   * `serviceaccounts/token`.
   */
  readonly subresources?: Readonly<Record<string, SubresourceHandler>>;
  /**
   * Answers objects that are only created, by plural: `tokenreviews`, …. The others are
   * `KUBE_NOT_FOUND`, except `bindings`.
   */
  readonly reviews?: Readonly<Record<string, (object: KubeObject) => unknown>>;
}

/** An API server in memory, as one client sees it. */
export interface MemoryKubeClient extends KubeClient {
  /** All calls so far, including failed ones. */
  readonly calls: readonly MemoryCall[];
  /** Runs before each call; it may delay the call, or make it fail by throwing. */
  onCall: ((call: MemoryCall) => void | Promise<void>) | undefined;
  /** Makes the next `times` matching calls fail with the error. */
  failNext(match: CallMatch, error: Error, times?: number): void;
  /** Returns all stored objects of a resource, in order of creation. */
  objects<T>(resource: Resource<T>): readonly T[];
  /** Stores an object unchanged, including its status; checks names only and sets a new version. */
  seed<T extends KubeObject>(resource: Resource<T>, ...objects: readonly T[]): void;
  /** Removes at once, without grace or finalizers. */
  drop<T>(resource: Resource<T>, name: ObjectName): void;
  /** Drops the history, so that old versions are answered with `KUBE_GONE`. */
  compact(): void;
  /** Sends a bookmark to each open watch. */
  bookmark(): void;
  /** Ends all open watches, with the error if one is given. */
  endWatches(error?: KubeError): void;
  /** The number of open watches. */
  readonly watches: number;
}

/**
 * A semantic fake of the API: versions, conflicts, watches with selectors, history that can be
 * compacted, finalizers, graceful deletion of pods, generations, the status subresource, all patch
 * types (apply without field ownership). It sets no defaults except `status.phase`, validates no
 * schema, and does not require namespaces to exist. Returned objects are frozen and, like the real
 * client's, have no nulls.
 *
 * @example
 * ```ts
 * import { CONFIG_MAPS } from '@nodeagent/kube-client';
 * import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
 *
 * const client = createMemoryKubeClient();
 * const { signal } = new AbortController();
 * const settings = { metadata: { namespace: 'default', name: 'settings' }, data: { colour: 'blue' } };
 * await client.create(CONFIG_MAPS, settings, signal);
 * const { items } = await client.list(CONFIG_MAPS, {}, signal);
 * console.log(items[0]?.data?.['colour']); // blue
 * ```
 */
export function createMemoryKubeClient(options: MemoryKubeClientOptions = {}): MemoryKubeClient {
  return new Memory(options);
}

class Memory implements MemoryKubeClient {
  readonly calls: MemoryCall[] = [];
  onCall: ((call: MemoryCall) => void | Promise<void>) | undefined;
  readonly #store = new MemoryStore();
  readonly #clock: Clock;
  readonly #subresources: Readonly<Record<string, SubresourceHandler>>;
  readonly #reviews: NonNullable<MemoryKubeClientOptions['reviews']>;
  readonly #failures: { match: CallMatch; error: Error; left: number }[] = [];
  #serial = 0;

  constructor(options: MemoryKubeClientOptions) {
    const { clock = new ManualClock(), subresources = {}, reviews = {} } = options;
    this.#clock = clock;
    this.#reviews = reviews;
    this.#subresources = subresources;
  }

  async get<T>(resource: Resource<T>, name: ObjectName, signal: AbortSignal): Promise<T> {
    checkObjectName(resource, name);
    await this.#enter({ verb: 'get', ...target(resource, name) }, signal);
    return this.#existing(resource, name) as T;
  }

  async list<T>(
    resource: Resource<T>,
    options: ListOptions,
    signal: AbortSignal,
  ): Promise<ListPage<T>> {
    await this.#enter({ verb: 'list', ...target(resource, options), body: options }, signal);
    const { limit = Number.POSITIVE_INFINITY, continueToken } = options;
    const { version, offset } = this.#continued(continueToken);
    const matches = matcher(options);
    const all = this.#store.all(idOf(resource)).filter(matches).sort(byKey);
    const items = all.slice(offset, offset + limit) as T[];
    const page = { items, resourceVersion: String(version) };
    if (offset + items.length >= all.length) return page;
    return { ...page, continueToken: `${version}/${offset + items.length}` };
  }

  async *watch<T>(
    resource: Resource<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    await this.#enter({ verb: 'watch', ...target(resource, options), body: options }, signal);
    const timeout = new AbortController();
    const either = AbortSignal.any([signal, timeout.signal]);
    if (options.timeoutMs !== undefined) {
      void this.#clock.sleep(options.timeoutMs, either).then(() => timeout.abort());
    }
    const request = {
      collection: idOf(resource),
      sinceVersion: Number(options.resourceVersion),
      matches: matcher(options),
    };
    try {
      for await (const event of this.#store.watch(request, either)) yield event as WatchEvent<T>;
    } catch (error) {
      if (!timeout.signal.aborted || signal.aborted) throw error;
    } finally {
      timeout.abort();
    }
  }

  async create<T extends KubeObject>(
    resource: AnyResource<T>,
    object: T,
    signal: AbortSignal,
  ): Promise<T> {
    checkNewObject(resource, object);
    const { namespace, name, generateName } = object.metadata ?? {};
    const at = nameOf(namespace, name ?? '');
    await this.#enter({ verb: 'create', ...target(resource, at), body: object }, signal);
    if (resource.createOnly === true) return this.#answer(resource, at, object);
    const serial = (this.#serial += 1);
    const full =
      name ?? (generateName === undefined ? undefined : `${generateName}${suffix(serial)}`);
    if (full === undefined || full === '') {
      throw new KubeError('KUBE_INVALID', `${resource.plural}: name or generateName is required`);
    }
    const key = keyOf(nameOf(namespace, full));
    if (this.#store.get(idOf(resource), key) !== undefined) {
      throw new KubeError('KUBE_ALREADY_EXISTS', `${resource.plural} "${key}" already exists`, {
        httpStatus: 409,
      });
    }
    const stamp = { name: full, uid: uidOf(serial), nowMs: this.#clock.nowMs() };
    const stored = created(resource, structuredClone(object) as Json, stamp);
    return this.#store.commit(idOf(resource), key, stored) as T;
  }

  async replace<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: SubresourceOptions,
    signal: AbortSignal,
  ): Promise<T> {
    const at = nameOf(object.metadata?.namespace, object.metadata?.name ?? '');
    checkObjectName(resource, at);
    const { subresource } = options;
    const call = { verb: 'replace' as const, ...target(resource, at, subresource), body: object };
    await this.#enter(call, signal);
    return this.#write(resource, at, () => structuredClone(object) as Json, subresource) as T;
  }

  async patch<T>(
    resource: Resource<T>,
    name: ObjectName,
    patch: Patch & SubresourceOptions,
    signal: AbortSignal,
  ): Promise<T> {
    checkObjectName(resource, name);
    const { subresource } = patch;
    await this.#enter(
      { verb: 'patch', ...target(resource, name, subresource), body: patch },
      signal,
    );
    const existing = this.#store.get(idOf(resource), keyOf(name));
    if (existing === undefined && patch.type === 'apply' && subresource === undefined) {
      const body = patch.body as KubeObject;
      const metadata = { ...body.metadata, ...name };
      return this.create(resource as Resource<KubeObject>, { ...body, metadata }, signal) as T;
    }
    const change = (before: Json): Json => applyPatch(before, patch);
    return this.#write(resource, name, change, subresource) as T;
  }

  async delete<T>(
    resource: Resource<T>,
    name: ObjectName,
    options: DeleteOptions,
    signal: AbortSignal,
  ): Promise<void> {
    checkObjectName(resource, name);
    await this.#enter({ verb: 'delete', ...target(resource, name), body: options }, signal);
    const existing = this.#existing(resource, name);
    if (options.uid !== undefined && metadataOf(existing)['uid'] !== options.uid) {
      throw conflict(resource, name, 'the uid in the precondition differs');
    }
    const next = afterDelete(resource, existing, options, this.#clock.nowMs());
    this.#store.commit(idOf(resource), keyOf(name), next);
  }

  async createSubresource(
    at: Readonly<{ resource: Resource<unknown>; name: ObjectName; subresource: string }>,
    body: unknown,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { resource, name, subresource } = at;
    checkObjectName(resource, name);
    await this.#enter({ verb: 'create', ...target(resource, name, subresource), body }, signal);
    const existing = this.#existing(resource, name);
    const kind = `${resource.plural}/${subresource}`;
    const update = (object: KubeObject): void => {
      this.#store.commit(idOf(resource), keyOf(name), object as Json);
    };
    const handler = this.#subresources[kind];
    if (handler !== undefined) {
      const answer = handler(existing, body, update);
      return withoutNulls(structuredClone(answer));
    }
    if (kind === 'pods/binding') return this.#bind(name, body as Json);
    if (kind === 'pods/eviction') {
      await this.delete(resource, name, {}, signal);
      return { kind: 'Status', apiVersion: 'v1', status: 'Success' };
    }
    if (kind === 'serviceaccounts/token') return this.#token(name, body as Json);
    throw new KubeError('KUBE_NOT_FOUND', `${kind}: the server has no such subresource`);
  }

  failNext(match: CallMatch, error: Error, times = 1): void {
    this.#failures.push({ match, error, left: times });
  }

  objects<T>(resource: Resource<T>): readonly T[] {
    return this.#store.all(idOf(resource)) as T[];
  }

  seed<T extends KubeObject>(resource: Resource<T>, ...objects: readonly T[]): void {
    for (const object of objects) {
      const { namespace, name = '' } = object.metadata ?? {};
      const uid = uidOf((this.#serial += 1));
      const nowMs = this.#clock.nowMs();
      const stored = created(resource, structuredClone(object) as Json, { name, uid, nowMs });
      const metadata = { ...metadataOf(stored), ...object.metadata };
      const status = (object as Json)['status'];
      const whole = { ...stored, metadata, ...(status === undefined ? {} : { status }) };
      this.#store.commit(idOf(resource), keyOf(nameOf(namespace, name)), whole);
    }
  }

  drop<T>(resource: Resource<T>, name: ObjectName): void {
    this.#existing(resource, name);
    this.#store.commit(idOf(resource), keyOf(name), undefined);
  }

  compact(): void {
    this.#store.compact();
  }

  bookmark(): void {
    this.#store.bookmark();
  }

  endWatches(error?: KubeError): void {
    this.#store.endWatches(error);
  }

  get watches(): number {
    return this.#store.watches;
  }

  async #enter(call: MemoryCall, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.calls.push(call);
    await this.onCall?.(call);
    signal.throwIfAborted();
    const failure = this.#failures.find(({ match, left }) => left > 0 && covers(match, call));
    if (failure === undefined) return;
    failure.left -= 1;
    throw failure.error;
  }

  #answer<T extends KubeObject>(resource: CreateOnlyResource<T>, name: ObjectName, object: T): T {
    const review = this.#reviews[resource.plural];
    if (review !== undefined) return withoutNulls(structuredClone(review(object))) as T;
    if (resource.plural !== 'bindings') {
      throw new KubeError('KUBE_NOT_FOUND', `${resource.plural}: nobody answers them`);
    }
    return this.#bind(name, object as Json) as unknown as T;
  }

  #bind(name: ObjectName, body: Json): Json {
    const update = (object: KubeObject): void => {
      this.#store.commit(idOf(PODS), keyOf(name), object as Json);
    };
    return bind(this.#existing(PODS, name), body, update, conflictOf({ resource: PODS, name }));
  }

  #existing(resource: Resource<unknown>, name: ObjectName): Json {
    const found = this.#store.get(idOf(resource), keyOf(name));
    if (found !== undefined) return found;
    throw new KubeError('KUBE_NOT_FOUND', `${resource.plural} "${keyOf(name)}" not found`, {
      httpStatus: 404,
    });
  }

  #write(
    resource: Resource<unknown>,
    name: ObjectName,
    change: (before: Json) => Json,
    subresource: string | undefined,
  ): Json {
    const before = this.#existing(resource, name);
    const asked = change(before);
    for (const field of ['resourceVersion', 'uid']) {
      const wanted = metadataOf(asked)[field];
      if (wanted !== undefined && wanted !== '' && wanted !== metadataOf(before)[field]) {
        throw conflict(resource, name, `the object has been modified (${field})`);
      }
    }
    const after = updated(resource, { before, asked, subresource });
    if (JSON.stringify(after) === JSON.stringify(before)) return before;
    if (!mayRemove(resource, after)) return this.#store.commit(idOf(resource), keyOf(name), after);
    this.#store.commit(idOf(resource), keyOf(name), undefined);
    return after;
  }

  #continued(token: string | undefined): { readonly version: number; readonly offset: number } {
    if (token === undefined) return { version: this.#store.version, offset: 0 };
    const [version = 0, offset = 0] = token.split('/').map(Number);
    return { version, offset };
  }

  #token({ namespace, name }: ObjectName, body: Json): Json {
    const spec = isObject(body['spec']) ? body['spec'] : {};
    const seconds = Number(spec['expirationSeconds'] ?? 3600);
    const serial = (this.#serial += 1);
    return {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { ...spec, expirationSeconds: seconds },
      status: {
        token: `token-${namespace}-${name}-${serial}`,
        expirationTimestamp: formatTimestamp(this.#clock.nowMs() + seconds * 1000),
      },
    };
  }
}
