import { type Clock, formatTimestamp } from '@nodeagent/base';
import { asWritten } from '@nodeagent/kube-client';

import { decodeContinue, encodeContinue } from '../codec/continue-token.js';
import { fromStored, toStored } from '../codec/stored-form.js';
import type { Admission } from '../model/admission.js';
import { field, type FieldError, statusError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import { apiVersionOf } from '../model/kinds.js';
import { type ApiObject, deepEqual, omit } from '../model/object.js';
import type { ListQuery, ObjectTarget, WriteContext } from '../model/request.js';
import type { Review } from '../model/review.js';
import { type DeleteOptions, isReleased, planDeletion } from '../plan/deletion.js';
import { trackUpdate } from '../plan/managed-fields.js';
import { needsVersion } from '../plan/needs-version.js';
import { keepParts, type Part, sameObject } from '../plan/object-parts.js';
import { validatePodPart } from '../plan/pod-parts.js';
import { selects } from '../plan/selects.js';
import { strategyOf } from '../plan/strategies.js';
import { validateMeta } from '../plan/validate-meta.js';
import type { Store } from './store.js';

export interface RegistryPorts {
  readonly store: Store;
  readonly clock: Clock;
  /** A random UUID. */
  readonly newUid: () => string;
  /** Lower-case letters and digits, which generateName appends. */
  readonly newSuffix: () => string;
}

export interface ListResult {
  readonly items: readonly ApiObject[];
  readonly resourceVersion: string;
  readonly continueToken: string;
  readonly remaining: number | undefined;
}

/** Turns the stored state (undefined when there is none) into the wanted state; may throw. */
export type Mutation = (old: ApiObject | undefined) => ApiObject;

/** The verbs of the API over the store: defaults, checks, versions, finalizers. All synchronous. */
export class Registry {
  readonly #ports: RegistryPorts;
  #admission: Admission | undefined;

  constructor(ports: RegistryPorts) {
    this.#ports = ports;
  }

  get store(): Store {
    return this.#ports.store;
  }

  get clock(): Clock {
    return this.#ports.clock;
  }

  /** Set after construction, because admission reads through the registry. */
  useAdmission(admission: Admission): void {
    this.#admission = admission;
  }

  find(kind: Kind, target: ObjectTarget): ApiObject | undefined {
    const found = this.#ports.store.collection(kind.storage).get(storageKey(kind, target));
    return found === undefined ? undefined : fromStored(kind, found);
  }

  /** @throws {StatusError} 404 */
  get(kind: Kind, target: ObjectTarget): ApiObject {
    const found = this.find(kind, target);
    if (found === undefined) throw statusError.notFound(kind, target.name);
    return found;
  }

  /** Returns all objects of a kind, for the server's own use. */
  all(kind: Kind): readonly ApiObject[] {
    const collection = this.#ports.store.collection(kind.storage);
    return collection.keys().flatMap((key) => collection.get(key) ?? []);
  }

  list(kind: Kind, query: ListQuery): ListResult {
    const { store } = this.#ports;
    const collection = store.collection(kind.storage);
    const token = query.continueToken === '' ? undefined : decodeContinue(query.continueToken);
    const exact = query.resourceVersionMatch === 'Exact' ? Number(query.resourceVersion) : 0;
    const wanted = (token?.version ?? exact) || undefined;
    if (Number(query.resourceVersion) > store.version) {
      throw statusError.tooLargeVersion(Number(query.resourceVersion), store.version);
    }
    const snapshot = wanted === undefined ? undefined : collection.snapshotAt(wanted);
    if (wanted !== undefined && snapshot === undefined) {
      throw expiredContinue(token === undefined ? undefined : { ...token, version: 0 });
    }
    const prefix = kind.namespaced && query.namespace !== '' ? `${query.namespace}/` : '';
    const keys = snapshot === undefined ? collection.keys() : [...snapshot.keys()].sort();
    const version = wanted ?? store.version;
    const items: ApiObject[] = [];
    let remaining = 0;
    let last = '';
    for (const key of keys) {
      if (!key.startsWith(prefix) || (token !== undefined && key <= token.after)) continue;
      const stored = snapshot?.get(key) ?? collection.get(key);
      if (stored === undefined) continue;
      const object = fromStored(kind, stored);
      if (!selects(query, object)) continue;
      if (query.limit > 0 && items.length >= query.limit) remaining += 1;
      else {
        items.push(object);
        last = key;
      }
    }
    const selective = query.labels.length > 0 || query.fields.length > 0;
    return {
      items,
      resourceVersion: String(version),
      continueToken: remaining === 0 ? '' : encodeContinue({ version, after: last }),
      remaining: remaining === 0 || selective ? undefined : remaining,
    };
  }

  create(kind: Kind, namespace: string, body: ApiObject, context: WriteContext): ApiObject {
    let draft = structuredClone(body);
    this.#checkType(kind, draft);
    this.#placeInNamespace(kind, draft, namespace);
    const { metadata } = draft;
    if ((metadata.name ?? '') === '' && (metadata.generateName ?? '') !== '') {
      metadata.name = `${(metadata.generateName ?? '').slice(0, 58)}${this.#ports.newSuffix()}`;
    }
    if ((metadata.resourceVersion ?? '') !== '') {
      throw statusError.badRequest('resourceVersion should not be set on objects to be created');
    }
    draft.metadata = {
      ...omit(metadata, 'deletionTimestamp', 'deletionGracePeriodSeconds'),
      uid: this.#ports.newUid(),
      creationTimestamp: formatTimestamp(this.#ports.clock.nowMs()),
      ...(kind.generation ? { generation: 1 } : {}),
    };
    const strategy = strategyOf(kind);
    strategy.create?.(draft, context.user);
    strategy.defaults?.(draft);
    // Fields added by admission have no owner, so that a later apply does not remove them.
    trackUpdate(kind, draft, undefined, { ...this.#tracking(context), subresource: '' });
    this.#admission?.create(kind, draft, context);
    const { review } = context;
    draft = review?.mutate({ object: draft, old: undefined }) ?? draft;
    const allocated = this.#admission?.allocate(kind, { draft, old: undefined });
    try {
      const name = draft.metadata.name ?? '';
      const errors = [...validateMeta(kind, draft), ...(strategy.validate?.(draft) ?? [])];
      this.#refuseInvalid(kind, name, draft, errors);
      const key = storageKey(kind, { namespace, name });
      if (this.#ports.store.collection(kind.storage).get(key) !== undefined) {
        throw statusError.alreadyExists(kind, name);
      }
      review?.validate({ object: draft, old: undefined });
      if (context.dryRun) {
        allocated?.undo();
        return draft;
      }
      return this.#put(kind, key, draft);
    } catch (error) {
      allocated?.undo();
      throw error;
    }
  }

  /**
   * Carries out PUT and PATCH of an object or a part of it. An unchanged object is not written, so
   * it keeps its version. An object that is being deleted is removed with its last finalizer.
   */
  update(
    kind: Kind,
    target: ObjectTarget & Readonly<{ part: Part }>,
    mutate: Mutation,
    context: WriteContext,
  ): ApiObject {
    const old = this.get(kind, target);
    const draft = structuredClone(mutate(old));
    this.#checkType(kind, draft);
    if (draft.metadata.name !== undefined && draft.metadata.name !== target.name) {
      throw statusError.badRequest(
        `the name of the object (${draft.metadata.name}) does not match the name on the URL (${target.name})`,
      );
    }
    this.#placeInNamespace(kind, draft, target.namespace);
    this.#checkPreconditions(kind, old, draft.metadata);
    if (target.part !== 'internal' && needsVersion(kind)) this.#requireVersion(kind, draft);
    let wanted = keepParts(kind, target.part, draft, old);
    const strategy = strategyOf(kind);
    if (['main', 'ephemeralcontainers', 'resize'].includes(target.part)) {
      strategy.defaults?.(wanted);
    }
    if (target.part === 'main') strategy.update?.(wanted, old);
    if (kind.generation && !sameContent(kind, wanted, old)) {
      wanted.metadata.generation = (old.metadata.generation ?? 0) + 1;
    }
    const isOwn = target.part === 'internal';
    if (!isOwn) this.#admission?.update(kind, { draft: wanted, old }, context);
    const { review } = context;
    wanted = review?.mutate({ object: wanted, old }) ?? wanted;
    const admitted = isOwn ? undefined : this.#admission?.allocate(kind, { draft: wanted, old });
    try {
      this.#validateUpdate(kind, target, wanted, old);
      review?.validate({ object: wanted, old });
    } catch (error) {
      admitted?.undo();
      throw error;
    }
    if (!isOwn) {
      const subresource = target.part === 'main' ? '' : target.part;
      trackUpdate(kind, wanted, old, { ...this.#tracking(context), subresource });
    }
    if (context.dryRun) {
      admitted?.undo();
      return sameObject(wanted, old) ? old : wanted;
    }
    admitted?.commit();
    if (sameObject(wanted, old)) return old;
    const key = storageKey(kind, target);
    if (isReleased(wanted)) return this.#remove(kind, key) ?? old;
    return this.#put(kind, key, wanted);
  }

  /** @throws {StatusError} 422 */
  #validateUpdate(
    kind: Kind,
    { name, part }: ObjectTarget & Readonly<{ part: Part }>,
    wanted: ApiObject,
    old: ApiObject,
  ): void {
    const strategy = strategyOf(kind);
    const errors = [
      ...validateMeta(kind, wanted, old),
      ...(strategy.validate?.(wanted, old) ?? []),
      ...(part === 'main' ? (strategy.validateUpdate?.(wanted, old) ?? []) : []),
      ...(part === 'status' ? (strategy.validateStatus?.(wanted, old) ?? []) : []),
      ...(part === 'ephemeralcontainers' || part === 'resize'
        ? validatePodPart(part, wanted, old)
        : []),
    ];
    this.#refuseInvalid(kind, name, wanted, errors);
  }

  /** @throws {StatusError} 422 for errors of the kind's own rules, or else of admission */
  #refuseInvalid(kind: Kind, name: string, object: ApiObject, found: readonly FieldError[]): void {
    const errors = found.length > 0 ? found : (this.#admission?.validate(kind, object) ?? []);
    if (errors.length > 0) throw statusError.invalid(kind, name, errors);
  }

  /** @returns the object's last state, and true when it is gone */
  delete(
    kind: Kind,
    target: ObjectTarget,
    options: DeleteOptions,
    { dryRun, review }: Readonly<{ dryRun: boolean; review?: Review | undefined }>,
  ): Readonly<{ object: ApiObject; gone: boolean }> {
    const old = this.get(kind, target);
    const { uid, resourceVersion } = options.preconditions ?? {};
    if (uid !== undefined && uid !== old.metadata.uid) {
      const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`;
      throw statusError.conflict(kind, target.name, why);
    }
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
      const why = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${old.metadata.resourceVersion}`;
      throw statusError.conflict(kind, target.name, why);
    }
    this.#admission?.delete(kind, old);
    review?.mutate({ object: undefined, old });
    review?.validate({ object: undefined, old });
    const plan = planDeletion(old, options, this.#ports.clock.nowMs());
    const key = storageKey(kind, target);
    if (dryRun || plan.kind === 'nothing') return { object: old, gone: false };
    if (plan.kind === 'mark') return { object: this.#put(kind, key, plan.object), gone: false };
    return { object: this.#remove(kind, key) ?? old, gone: true };
  }

  #put(kind: Kind, key: string, object: ApiObject): ApiObject {
    const stored = this.#ports.store.collection(kind.storage).put(key, toStored(kind, object));
    return fromStored(kind, stored);
  }

  #remove(kind: Kind, key: string): ApiObject | undefined {
    const removed = this.#ports.store.collection(kind.storage).remove(key);
    if (removed !== undefined) this.#admission?.removed(kind, removed);
    return removed;
  }

  #tracking(context: WriteContext): Readonly<{ manager: string; time: string }> {
    return { manager: context.fieldManager, time: formatTimestamp(this.#ports.clock.nowMs()) };
  }

  #checkType(kind: Kind, draft: ApiObject): void {
    const apiVersion = apiVersionOf(kind);
    const { kind: asked = '', apiVersion: version = '', metadata } = asWritten(draft);
    if (asked !== '' && asked !== kind.kind) {
      throw statusError.badRequest(
        `${asked} in version "${version}" cannot be handled as a ${kind.kind}: no kind "${asked}" is registered for this resource`,
      );
    }
    if (version !== '' && version !== apiVersion) {
      throw statusError.badRequest(
        `the API version in the data (${version}) does not match the expected API version (${apiVersion})`,
      );
    }
    draft.apiVersion = apiVersion;
    draft.kind = kind.kind;
    draft.metadata = metadata ?? {};
  }

  #placeInNamespace(kind: Kind, draft: ApiObject, namespace: string): void {
    if (!kind.namespaced) {
      delete draft.metadata.namespace;
      return;
    }
    if ((draft.metadata.namespace ?? '') !== '' && draft.metadata.namespace !== namespace) {
      throw statusError.badRequest(
        'the namespace of the provided object does not match the namespace sent on the request',
      );
    }
    draft.metadata.namespace = namespace;
  }

  /** @throws {StatusError} 422 for an update that does not say which state it changes */
  #requireVersion({ group, plural }: Kind, { metadata }: ApiObject): void {
    if ((metadata.resourceVersion ?? '') !== '') return;
    const why = 'must be specified for an update';
    const error = field.invalid('metadata.resourceVersion', 0, why);
    throw statusError.invalid({ group, kind: plural }, metadata.name ?? '', [error]);
  }

  #checkPreconditions(kind: Kind, old: ApiObject, wanted: ApiObject['metadata']): void {
    const name = old.metadata.name ?? '';
    const { resourceVersion = '', uid = '' } = wanted;
    if (resourceVersion !== '' && resourceVersion !== old.metadata.resourceVersion) {
      throw statusError.modified(kind, name);
    }
    if (uid !== '' && uid !== old.metadata.uid) {
      const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`;
      throw statusError.conflict(kind, name, why);
    }
  }
}

/** True when two states have the same desired state, which `metadata.generation` counts. */
function sameContent(kind: Kind, a: ApiObject, b: ApiObject): boolean {
  if (kind.custom === undefined) return deepEqual(a.spec, b.spec);
  const content = (object: ApiObject): unknown => {
    const rest = omit(object, 'metadata');
    return kind.status ? omit(rest, 'status') : rest;
  };
  return deepEqual(content(a), content(b));
}

export function storageKey(kind: Kind, { namespace, name }: ObjectTarget): string {
  return kind.namespaced ? `${namespace}/${name}` : name;
}

function expiredContinue(
  token: Readonly<{ version: number; after: string }> | undefined,
): ReturnType<typeof statusError.expired> {
  return statusError.expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    token === undefined ? undefined : encodeContinue(token),
  );
}
