import { checkOptions } from '../codec/check-options.js';
import { decodeObject, reportUnknown } from '../codec/decode-object.js';
import { readDeleteOptions, readListQuery, readOptions, readWriteContext } from '../codec/query.js';
import type { ApiRequest } from '../model/api-request.js';
import { StatusError, statusError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import { type ApiObject, isObject, textAt, toApiObject } from '../model/object.js';
import type { WriteContext } from '../model/request.js';
import type { Review } from '../model/review.js';
import type { AdmissionAttributes } from '../model/webhook.js';
import { parseNodeRoute } from '../plan/node-path.js';
import type { Part } from '../plan/object-parts.js';
import { parseRoute, type Route, type Verb, verbOf } from '../plan/route.js';
import { strategyOf } from '../plan/strategies.js';
import { renderDiscovery } from '../render/discovery.js';
import { renderOpenApi } from '../render/openapi.js';
import {
  negotiateShape,
  presentList,
  presentObject,
  type ShapeOptions,
} from '../render/presentation.js';
import type { ApiAnswer } from './api-answer.js';
import type { Authorizer } from './authorizer.js';
import type { Catalog } from './catalog.js';
import type { Expressions } from './expressions.js';
import { proxyToNode } from './node-proxy.js';
import { isApply, patched } from './patching.js';
import type { Mutation, Registry } from './registry.js';
import type { Subresources } from './subresources/subresources.js';
import { Watch } from './watch.js';
import type { Webhooks } from './webhooks.js';

export interface ApiPorts {
  readonly catalog: Catalog;
  readonly registry: Registry;
  readonly authorizer: Authorizer;
  readonly subresources: Subresources;
  readonly webhooks: Webhooks;
  readonly expressions: Expressions;
}

interface Call {
  readonly request: ApiRequest;
  readonly route: Route;
  readonly verb: Verb;
  readonly shape: ShapeOptions;
  /** For the answer's Warning headers. */
  readonly warnings: string[];
}

/** Upstream ends watches after half an hour to an hour; the client reconnects at once. */
const WATCH_MS = 45 * 60_000;

/** The API without its transport: one request in, one answer out. */
export class Api {
  readonly #ports: ApiPorts;

  constructor(ports: ApiPorts) {
    this.#ports = ports;
  }

  /** Never rejects: failures become answers. */
  async handle(request: ApiRequest): Promise<ApiAnswer> {
    try {
      return await this.#handle(request);
    } catch (error) {
      if (error instanceof StatusError) {
        return { kind: 'body', httpStatus: error.httpStatus, body: error.status };
      }
      throw error;
    }
  }

  async #handle(request: ApiRequest): Promise<ApiAnswer> {
    const onNode = parseNodeRoute(request.path);
    if (onNode !== undefined) return proxyToNode(this.#ports, request, onNode);
    const { kinds, find } = this.#ports.catalog;
    const route = parseRoute(request.path, find);
    if (route === undefined) {
      this.#ports.authorizer.checkPath(request.user, request.method, request.path);
      return (
        renderDiscovery(kinds, request.path, request.accept) ??
        renderOpenApi(kinds, request.path, request.accept) ??
        unknownPath()
      );
    }
    const watching = request.query.get('watch') === 'true' || request.query.get('watch') === '1';
    const verb = verbOf(request.method, route, watching);
    if (verb === undefined) throw statusError.methodNotAllowed();
    this.#ports.authorizer.check(request.user, {
      verb,
      route,
      body: request.body,
      query: request.query,
    });
    const shape = negotiateShape(request.accept);
    if (shape === undefined) throw notAcceptable();
    const options = {
      shape,
      includeObject: request.query.get('includeObject') ?? 'Metadata',
      nowMs: this.#ports.registry.clock.nowMs(),
    };
    const { warning } = route.kind.custom ?? {};
    const warnings = warning === undefined ? [] : [warning];
    const call = { request, route, verb, shape: options, warnings };
    const custom = await this.#ports.subresources.handle({
      ...call,
      admit: (operation, transition) => this.#admitted(call, operation, transition),
    });
    if (custom !== undefined) return this.#object(call, custom.object, custom.httpStatus);
    if (!route.kind.stored) throw statusError.methodNotAllowed();
    return this.#perform(call);
  }

  async #perform(call: Call): Promise<ApiAnswer> {
    const { request, route, verb } = call;
    const { registry, expressions } = this.#ports;
    checkOptions({ ...request, verb, isApply: isApply(request) });
    await expressions.prepareFor(route.kind, request.body);
    switch (verb) {
      case 'get':
        partOf(route);
        return this.#object(call, registry.get(route.kind, route), 200);
      case 'list':
        return this.#list(call);
      case 'watch':
        return this.#watch(call);
      case 'create': {
        if (route.name !== '') throw statusError.methodNotAllowed();
        const context = readWriteContext(request.query, request.user, request.userAgent);
        return this.#create(call, objectIn(call), context);
      }
      case 'update':
      case 'patch':
        return this.#write(call);
      case 'delete':
        return this.#delete(call);
      case 'deletecollection':
        return this.#deleteCollection(call);
    }
  }

  /** Answers a write. */
  #written(call: Call, object: ApiObject, httpStatus: number, old?: ApiObject): ApiAnswer {
    call.warnings.push(...(strategyOf(call.route.kind).warnings?.(object, old) ?? []));
    return this.#object(call, object, httpStatus);
  }

  #object(call: Call, object: ApiObject, httpStatus: number): ApiAnswer {
    const shape =
      object.kind === call.route.kind.kind
        ? call.shape
        : { ...call.shape, shape: 'object' as const };
    const body = presentObject(call.route.kind, object, { ...shape, headers: true });
    return { kind: 'body', httpStatus, body, warnings: call.warnings };
  }

  #list({ request, route, shape, warnings }: Call): ApiAnswer {
    const query = readListQuery(route.kind, route.namespace, request.query);
    const { items, ...meta } = this.#ports.registry.list(route.kind, query);
    return {
      kind: 'body',
      httpStatus: 200,
      body: presentList(route.kind, items, { ...shape, meta }),
      warnings,
    };
  }

  #watch({ request, route, shape }: Call): ApiAnswer {
    const { registry, catalog } = this.#ports;
    const { query } = request;
    const named =
      route.name === '' ? [] : [{ path: 'metadata.name', equal: true, value: route.name }];
    const list = readListQuery(route.kind, route.namespace, query);
    const options = {
      query: { ...list, fields: [...list.fields, ...named] },
      bookmarks: query.get('allowWatchBookmarks') === 'true',
      sendInitialEvents: query.get('sendInitialEvents') === 'true',
    };
    const seconds = Number(query.get('timeoutSeconds') ?? 0);
    const presentation = {
      name: `${shape.shape} ${shape.includeObject}`,
      present: (object: ApiObject, first: boolean): string => {
        const now = { ...shape, nowMs: registry.clock.nowMs(), headers: first };
        return JSON.stringify(presentObject(route.kind, object, now));
      },
    };
    return {
      kind: 'watch',
      timeoutMs: seconds > 0 ? seconds * 1_000 : WATCH_MS,
      open: (write, end) => {
        const watch = new Watch(registry, route.kind, options, { presentation, write });
        watch.start();
        const stopWaiting = catalog.whenGone(route.kind, end);
        return {
          bookmark: () => watch.bookmark(),
          stop: () => {
            stopWaiting();
            watch.stop();
          },
        };
      },
    };
  }

  async #create(call: Call, body: ApiObject, context: WriteContext): Promise<ApiAnswer> {
    const { kind, namespace } = call.route;
    const created = await this.#reviewed(call, 'CREATE', context.dryRun, (review) =>
      this.#ports.registry.create(kind, namespace, body, { ...context, ...review }),
    );
    return this.#written(call, created, 201);
  }

  async #write(call: Call): Promise<ApiAnswer> {
    const { request, route, verb } = call;
    const { registry } = this.#ports;
    const part = partOf(route);
    const context = readWriteContext(request.query, request.user, request.userAgent);
    let mutate: Mutation;
    let before: ApiObject | undefined;
    if (verb === 'patch') {
      const change = patched(route.kind, request, part, { ...context, warnings: call.warnings });
      if (change.creates && registry.find(route.kind, route) === undefined) {
        return this.#create(call, change.mutate(undefined), context);
      }
      ({ mutate } = change);
    } else {
      const body = objectIn(call);
      mutate = () => body;
    }
    const updated = await this.#reviewed(call, 'UPDATE', context.dryRun, (review) =>
      registry.update(route.kind, { ...route, part }, (old) => mutate((before = old)), {
        ...context,
        ...review,
      }),
    );
    return this.#written(call, updated, 200, before);
  }

  async #delete(call: Call): Promise<ApiAnswer> {
    const { request, route } = call;
    if (route.subresource !== '') throw statusError.methodNotAllowed();
    const { dryRun, isAccepted, ...options } = readDeleteOptions(request.query, request.body);
    const { object, gone } = await this.#reviewed(call, 'DELETE', dryRun, (review) =>
      this.#ports.registry.delete(route.kind, route, options, { dryRun, ...review }),
    );
    if (gone && !RETURNED_WHOLE.has(route.kind.storage)) {
      return { kind: 'body', httpStatus: 200, body: deletedStatus(route.kind, object) };
    }
    return this.#object(call, object, !gone && isAccepted ? 202 : 200);
  }

  async #deleteCollection(call: Call): Promise<ApiAnswer> {
    const { request, route, shape } = call;
    const { registry } = this.#ports;
    const query = readListQuery(route.kind, route.namespace, request.query);
    const { dryRun, isAccepted: _, ...options } = readDeleteOptions(request.query, request.body);
    const { items, ...meta } = registry.list(route.kind, query);
    const deleted: ApiObject[] = [];
    for (const { metadata } of items) {
      const target = { namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
      const one = { ...call, route: { ...route, ...target } };
      const { object } = await this.#reviewed(one, 'DELETE', dryRun, (review) =>
        registry.delete(route.kind, target, options, { dryRun, ...review }),
      );
      deleted.push(object);
    }
    return {
      kind: 'body',
      httpStatus: 200,
      body: presentList(route.kind, deleted, { ...shape, meta }),
    };
  }

  /** Shows to webhooks what is sent to a subresource. */
  #admitted(
    call: Call,
    operation: 'CREATE' | 'UPDATE',
    transition: Readonly<{ object: ApiObject; old: ApiObject | undefined }>,
  ): Promise<ApiObject> {
    const { kind, subresource } = call.route;
    const sent = subresource === 'scale' ? SCALE : (kind.subresources[subresource] ?? kind);
    const { dryRun } = readWriteContext(call.request.query, call.request.user, '');
    const attributes = { ...attributesOf(call, operation, dryRun), sent };
    return this.#ports.webhooks.admit(attributes, call.warnings, transition);
  }

  /** Makes a write, which admission webhooks may change or refuse. */
  #reviewed<T>(
    call: Call,
    operation: AdmissionAttributes['operation'],
    dryRun: boolean,
    write: (options: Readonly<{ review?: Review }>) => T,
  ): Promise<T> {
    const attributes = attributesOf(call, operation, dryRun);
    return this.#ports.webhooks.review(attributes, call.warnings, (review) =>
      write(review === undefined ? {} : { review }),
    );
  }
}

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

/** An object that is created has the name that it is sent with; a collection has none. */
function attributesOf(
  { request: { user, body, query }, route, verb }: Call,
  operation: AdmissionAttributes['operation'],
  dryRun: boolean,
): AdmissionAttributes {
  const { kind, namespace, subresource } = route;
  const sent = route.name || (operation === 'CREATE' ? textAt(body, 'metadata.name') : '');
  const name = verb === 'deletecollection' ? '' : sent;
  const options = readOptions(operation === 'DELETE', query, body);
  return { operation, kind, namespace, name, subresource, user, dryRun, options };
}

/**
 * Kinds whose DELETE answers with the object; the others answer with a Status. @see Kubernetes
 * pkg/registry
 */
const RETURNED_WHOLE = new Set([
  'pods',
  'services',
  'serviceaccounts',
  'podtemplates',
  'replicationcontrollers',
  'persistentvolumes',
  'persistentvolumeclaims',
  'resourcequotas',
]);

function deletedStatus({ group, plural }: Kind, { metadata }: ApiObject): unknown {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: metadata.name,
      ...(group === '' ? {} : { group }),
      kind: plural,
      uid: metadata.uid,
    },
  };
}

/** @throws {StatusError} 404 for subresources that the kind does not have */
function partOf({ kind, subresource }: Route): Part {
  if (subresource === '') return 'main';
  if (subresource === 'status' && kind.status) return 'status';
  if (subresource === 'finalize' && kind.storage === 'namespaces') return 'finalize';
  if (
    kind.storage === 'pods' &&
    (subresource === 'ephemeralcontainers' || subresource === 'resize')
  ) {
    return subresource;
  }
  if (kind.subresources[subresource] !== undefined) return 'main';
  throw statusError.unknownPath();
}

/** @throws {StatusError} 400 for a body of another kind */
function objectIn({ request, route: { kind }, warnings }: Call): ApiObject {
  const { body, query } = request;
  if (!isObject(body)) throw statusError.badRequest('the body of the request must be an object');
  if (kind.custom !== undefined && textAt(body, 'kind') === '') throw withoutKind(kind, body);
  const { object, unknown } = decodeObject(kind, body);
  reportUnknown(kind, unknown, { query, warnings });
  return toApiObject(object);
}

/** A custom resource is read without knowing its kind beforehand, so it must say it itself. */
function withoutKind({ kind }: Kind, body: object): StatusError {
  const text = JSON.stringify(body);
  const start = text.length > 36 ? `${text.slice(0, 36)} ...` : text;
  return statusError.badRequest(
    `the object provided is unrecognized (must be of type ${kind}): Object 'Kind' is missing in '${text}' (${start})`,
  );
}

function unknownPath(): never {
  throw statusError.unknownPath();
}

function notAcceptable(): StatusError {
  const types = 'application/json, application/yaml';
  return new StatusError(
    406,
    'NotAcceptable',
    `only the following media types are accepted: ${types}`,
  );
}
