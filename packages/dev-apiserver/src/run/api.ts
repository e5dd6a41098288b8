import { decodeObject, refuseUnknown } from '../codec/decode-object.js';
import { readDeleteOptions, readListQuery, readWriteContext } from '../codec/query.js';
import type { ApiRequest } from '../model/api-request.js';
import { StatusError, statusError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import { type ApiObject, isObject } from '../model/object.js';
import { parseNodeRoute } from '../plan/node-path.js';
import type { Part } from '../plan/object-parts.js';
import { parseRoute, type Route, type Verb, verbOf } from '../plan/route.js';
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
import { proxyToNode } from './node-proxy.js';
import { patched } from './patching.js';
import type { Registry } from './registry.js';
import type { Subresources } from './subresources/subresources.js';
import { Watch } from './watch.js';

export interface ApiPorts {
  readonly registry: Registry;
  readonly authorizer: Authorizer;
  readonly subresources: Subresources;
}

interface Call {
  readonly request: ApiRequest;
  readonly route: Route;
  readonly verb: Verb;
  readonly shape: ShapeOptions;
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
    const route = parseRoute(request.path);
    if (route === undefined) {
      this.#ports.authorizer.checkPath(request.user, request.method, request.path);
      return (
        renderDiscovery(request.path, request.accept) ??
        renderOpenApi(request.path, request.accept) ??
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
    const call = { request, route, verb, shape: options };
    const custom = await this.#ports.subresources.handle(call);
    if (custom !== undefined) return this.#object(call, custom.object, custom.httpStatus);
    if (!route.kind.stored) throw statusError.methodNotAllowed();
    return this.#perform(call);
  }

  #perform(call: Call): ApiAnswer {
    const { request, route, verb } = call;
    const { registry } = this.#ports;
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
        const body = objectIn(route.kind, request);
        return this.#object(call, registry.create(route.kind, route.namespace, body, context), 201);
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

  #object(call: Call, object: ApiObject, httpStatus: number): ApiAnswer {
    const shape =
      object.kind === call.route.kind.kind
        ? call.shape
        : { ...call.shape, shape: 'object' as const };
    const body = presentObject(call.route.kind, object, { ...shape, headers: true });
    return { kind: 'body', httpStatus, body };
  }

  #list({ request, route, shape }: Call): ApiAnswer {
    const query = readListQuery(route.kind, route.namespace, request.query);
    const { items, ...meta } = this.#ports.registry.list(route.kind, query);
    return {
      kind: 'body',
      httpStatus: 200,
      body: presentList(route.kind, items, { ...shape, meta }),
    };
  }

  #watch({ request, route, shape }: Call): ApiAnswer {
    const { registry } = this.#ports;
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
      open: (write) => {
        const watch = new Watch(registry, route.kind, options, { presentation, write });
        watch.start();
        return watch;
      },
    };
  }

  #write(call: Call): ApiAnswer {
    const { request, route, verb } = call;
    const { registry } = this.#ports;
    const part = partOf(route);
    const context = readWriteContext(request.query, request.user, request.userAgent);
    const existing = registry.find(route.kind, route);
    if (verb === 'patch') {
      const change = patched(route.kind, request, part, context);
      if (existing === undefined && change.creates) {
        const fresh = change.mutate(undefined);
        return this.#object(
          call,
          registry.create(route.kind, route.namespace, fresh, context),
          201,
        );
      }
      const target = { ...route, part };
      return this.#object(call, registry.update(route.kind, target, change.mutate, context), 200);
    }
    const body = objectIn(route.kind, request);
    const updated = registry.update(route.kind, { ...route, part }, () => body, context);
    return this.#object(call, updated, 200);
  }

  #delete(call: Call): ApiAnswer {
    const { request, route } = call;
    if (route.subresource !== '') throw statusError.methodNotAllowed();
    const { dryRun, ...options } = readDeleteOptions(request.query, request.body);
    const { object, gone } = this.#ports.registry.delete(route.kind, route, options, dryRun);
    if (gone && !RETURNED_WHOLE.has(route.kind.storage)) {
      return { kind: 'body', httpStatus: 200, body: deletedStatus(route.kind, object) };
    }
    return this.#object(call, object, gone || options.propagationPolicy === undefined ? 200 : 202);
  }

  #deleteCollection({ request, route, shape }: Call): ApiAnswer {
    const { registry } = this.#ports;
    const query = readListQuery(route.kind, route.namespace, request.query);
    const { dryRun, ...options } = readDeleteOptions(request.query, request.body);
    const { items, ...meta } = registry.list(route.kind, query);
    const deleted = items.map(({ metadata }) => {
      const target = { namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
      return registry.delete(route.kind, target, options, dryRun).object;
    });
    return {
      kind: 'body',
      httpStatus: 200,
      body: presentList(route.kind, deleted, { ...shape, meta }),
    };
  }
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
function objectIn(kind: Kind, { body, query }: ApiRequest): ApiObject {
  if (!isObject(body)) throw statusError.badRequest('the body of the request must be an object');
  const { object, unknown } = decodeObject(kind, body);
  if (query.get('fieldValidation') === 'Strict') refuseUnknown(kind, unknown);
  return object as unknown as ApiObject;
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
