import type { Clock } from '@nodeagent/base';
import type { ChannelHandlers, ChannelProtocol, ChannelSocket } from '@nodeagent/pod-streams';

import { decodeJson, isObject } from '../codec/decode-json.js';
import {
  collectionPath,
  deleteBody,
  listPath,
  objectPath,
  patchPath,
  podLogPath,
  watchPath,
} from '../codec/request-path.js';
import { decodeWatchEvent, LineSplitter } from '../codec/watch-stream.js';
import { isKubeError, KubeError } from '../model/errors.js';
import type { KubeObject } from '../model/objects.js';
import { type AnyResource, apiVersionOf, type Resource } from '../model/resource.js';
import { NODES } from '../model/resources/core.js';
import { checkNewObject } from '../plan/object-name.js';
import { decideRetryMs } from '../plan/retry.js';
import { takeToken, type TokenBucketRules, type TokenBucketState } from '../plan/token-bucket.js';
import type {
  Credential,
  CredentialSource,
  DeleteOptions,
  KubeClient,
  ListOptions,
  ListPage,
  ObjectName,
  Patch,
  PatchType,
  PodLogOptions,
  SubresourceOptions,
  Transport,
  TransportRequest,
  TransportResponse,
  WatchEvent,
  WatchOptions,
} from '../ports.js';
import { asked, readText, refusal, tooLong } from './read-answer.js';
import type { RequestMeter } from './request-meter.js';

export interface ApiClientOptions {
  readonly transport: Transport;
  readonly credentials: CredentialSource;
  readonly clock: Clock;
  /**
   * No limit when absent. A watch counts once, when it starts; a list counts once for all its
   * pages.
   */
  readonly rateLimit?: TokenBucketRules;
  readonly meter?: RequestMeter;
  /** E.g. `kubelet/v1.36.2 (linux/amd64)`. */
  readonly userAgent: string;
  /** Maximum silence of the server on all requests except watches. */
  readonly requestTimeoutMs: number;
  /** Maximum silence on a watch that does not set its own; {@link watchSilenceMs} when absent. */
  readonly watchIdleTimeoutMs?: number | undefined;
  /** Headers of each request. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

interface Call {
  readonly method: TransportRequest['method'];
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly bodyIdleTimeoutMs?: number;
  /** JSON when absent. */
  readonly accept?: string;
  /** The call directly continues the call before and takes no token of the rate limit. */
  readonly unlimited?: boolean;
  /** The call may have effects although it is a GET. */
  readonly runs?: boolean;
}

const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  'strategic-merge': 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml', // JSON is valid YAML
};
/** Limits one event of a watch, as client-go: apimachinery/pkg/runtime/serializer/streaming/streaming.go. */
const MAX_EVENT_BYTES = 16 * 2 ** 20;

/** Implements the API's verbs over a transport: rate limit, credentials, retries, decoding. */
export class ApiClient implements KubeClient {
  readonly #options: ApiClientOptions;
  #bucket: TokenBucketState | undefined;

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  async get<T>(resource: Resource<T>, name: ObjectName, signal: AbortSignal): Promise<T> {
    return this.#json({ method: 'GET', path: objectPath(resource, name) }, signal);
  }

  async list<T>(
    resource: Resource<T>,
    options: ListOptions,
    signal: AbortSignal,
  ): Promise<ListPage<T>> {
    const unlimited = options.continueToken !== undefined;
    const call: Call = { method: 'GET', path: listPath(resource, options), unlimited };
    const list = await this.#json<{
      metadata?: { resourceVersion?: string; continue?: string };
      items?: T[];
    }>(call, signal);
    const { metadata, items = [] } = list;
    const { resourceVersion = '', continue: continueToken } = metadata ?? {};
    if (metadata === undefined || typeof resourceVersion !== 'string') {
      throw new KubeError('KUBE_PROTOCOL', `${asked(call)}: a list without resourceVersion`);
    }
    if (!Array.isArray(items)) {
      throw new KubeError('KUBE_PROTOCOL', `${asked(call)}: a list whose items are not a list`);
    }
    const page = { items, resourceVersion };
    return continueToken === undefined || continueToken === '' ? page : { ...page, continueToken };
  }

  async *watch<T>(
    resource: Resource<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const bodyIdleTimeoutMs =
      options.idleTimeoutMs ?? this.#options.watchIdleTimeoutMs ?? watchSilenceMs(options);
    const call: Call = { method: 'GET', path: watchPath(resource, options), bodyIdleTimeoutMs };
    const { body } = await this.#send(call, signal);
    const splitter = new LineSplitter();
    for await (const chunk of body) {
      for (const line of splitter.push(chunk)) yield decodeWatchEvent<T>(line, asked(call));
      if (splitter.pendingBytes > MAX_EVENT_BYTES) throw tooLong(call, 'an event', MAX_EVENT_BYTES);
    }
    if (splitter.pendingBytes === 0) return;
    throw new KubeError('KUBE_UNAVAILABLE', `${asked(call)}: the watch ended inside an event`);
  }

  async create<T extends KubeObject>(
    resource: AnyResource<T>,
    object: T,
    signal: AbortSignal,
  ): Promise<T> {
    checkNewObject(resource, object);
    const path = collectionPath(resource, object.metadata?.namespace);
    return this.#json({ method: 'POST', path, ...json(typed(resource, object)) }, signal);
  }

  async replace<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    { subresource }: SubresourceOptions,
    signal: AbortSignal,
  ): Promise<T> {
    const { namespace, name = '' } = object.metadata ?? {};
    const at = namespace === undefined ? { name } : { namespace, name };
    const path = objectPath(resource, at, subresource);
    return this.#json({ method: 'PUT', path, ...json(typed(resource, object)) }, signal);
  }

  async patch<T>(
    resource: Resource<T>,
    name: ObjectName,
    patch: Patch & SubresourceOptions,
    signal: AbortSignal,
  ): Promise<T> {
    const path = patchPath(objectPath(resource, name, patch.subresource), patch);
    const body = JSON.stringify(patch.body);
    return this.#json(
      { method: 'PATCH', path, body, contentType: PATCH_TYPES[patch.type] },
      signal,
    );
  }

  async delete<T>(
    resource: Resource<T>,
    name: ObjectName,
    options: DeleteOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const path = objectPath(resource, name);
    const body = deleteBody(options);
    const call: Call = { method: 'DELETE', path, body, contentType: 'application/json' };
    await readText(call, await this.#send(call, signal)); // releases the connection for other requests
  }

  async createSubresource(
    target: Readonly<{ resource: Resource<unknown>; name: ObjectName; subresource: string }>,
    body: unknown,
    signal: AbortSignal,
  ): Promise<unknown> {
    const path = objectPath(target.resource, target.name, target.subresource);
    return this.#json({ method: 'POST', path, ...json(body) }, signal);
  }

  async *podLog(
    name: ObjectName,
    options: PodLogOptions = {},
    signal: AbortSignal = new AbortController().signal,
  ): AsyncGenerator<Uint8Array, void> {
    const call: Call = {
      method: 'GET',
      path: podLogPath(name, options),
      accept: 'text/plain, application/json', // errors are JSON
      ...(options.follow === true && { bodyIdleTimeoutMs: Number.POSITIVE_INFINITY }),
    };
    const { body } = await this.#send(call, signal);
    yield* body;
  }

  nodeDocument(
    node: string,
    path: string,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<unknown> {
    const proxy = objectPath(NODES, { name: node }, 'proxy');
    return this.#json({ method: 'GET', path: `${proxy}/${path}` }, signal);
  }

  /**
   * Opens a connection for a session. A session is never begun twice: a command may have been run.
   *
   * @param path includes the query
   */
  openChannels(
    path: string,
    session: Readonly<{ protocols: readonly ChannelProtocol[]; handlers: ChannelHandlers }>,
    signal: AbortSignal,
  ): Promise<ChannelSocket> {
    const { transport, requestTimeoutMs: idleTimeoutMs } = this.#options;
    // the runtime's server, which this header may reach, answers 406 to a request for JSON alone
    const accept = 'application/json, */*';
    const call: Call = { method: 'GET', path, accept, runs: true };
    return this.#retrying(call, signal, (credential) => {
      const headers = this.#headers(call, credential);
      return transport.openChannels(
        { path, headers, idleTimeoutMs, ...session },
        credential,
        signal,
      );
    });
  }

  /** Closes all connections; current calls fail. */
  close(): void {
    this.#options.transport.close();
  }

  async #json<T>(call: Call, signal: AbortSignal): Promise<T> {
    const response = await this.#send(call, signal);
    const text = await readText(call, response);
    const { httpStatus } = response;
    let answer: unknown;
    try {
      answer = decodeJson(text);
    } catch (cause) {
      const problem = `${asked(call)}: the answer is not JSON`;
      throw new KubeError('KUBE_PROTOCOL', problem, { httpStatus, cause });
    }
    if (isObject(answer)) return answer as T;
    throw new KubeError('KUBE_PROTOCOL', `${asked(call)}: the answer is not an object`, {
      httpStatus,
    });
  }

  /** Returns an answer in 200–299, retrying as needed. */
  #send(call: Call, signal: AbortSignal): Promise<TransportResponse> {
    return this.#retrying(call, signal, async (credential) => {
      const response = await this.#transmit(call, credential, signal);
      if (response.httpStatus >= 200 && response.httpStatus < 300) return response;
      throw await refusal(call, response);
    });
  }

  async #retrying<T>(
    call: Call,
    signal: AbortSignal,
    attempt: (credential: Credential) => Promise<T>,
  ): Promise<T> {
    let refreshed = false;
    for (let retries = 0; ; retries += 1) {
      if (call.unlimited !== true) await this.#pass(call.method, signal);
      const credential = await this.#options.credentials.current(signal);
      try {
        return await attempt(credential);
      } catch (error) {
        signal.throwIfAborted();
        if (!isKubeError(error)) throw error;
        if (error.code === 'KUBE_UNAUTHORIZED' && !refreshed) {
          refreshed = true;
          this.#options.credentials.refuse(credential);
          if ((await this.#options.credentials.current(signal)) !== credential) continue;
        }
        const waitMs = decideRetryMs({
          error,
          method: call.runs === true ? 'POST' : call.method,
          retries,
        });
        if (waitMs === undefined) throw error;
        this.#options.meter?.retried(call.method, String(error.httpStatus ?? '<error>'));
        await this.#sleep(waitMs, signal);
      }
    }
  }

  #transmit(call: Call, credential: Credential, signal: AbortSignal): Promise<TransportResponse> {
    const { transport, requestTimeoutMs } = this.#options;
    const { method, path, body, bodyIdleTimeoutMs } = call;
    const request: TransportRequest = {
      method,
      path,
      headers: this.#headers(call, credential),
      idleTimeoutMs: requestTimeoutMs,
      ...(bodyIdleTimeoutMs === undefined ? {} : { bodyIdleTimeoutMs }),
      ...(body === undefined ? {} : { body }),
    };
    return transport.send(request, credential, signal);
  }

  #headers(
    { accept = 'application/json', contentType }: Call,
    { authorization }: Credential,
  ): TransportRequest['headers'] {
    return {
      ...this.#options.headers,
      accept,
      'user-agent': this.#options.userAgent,
      ...(authorization === undefined ? {} : { authorization }),
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    };
  }

  /** Waits for the rate limit. */
  async #pass(verb: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { rateLimit, clock, meter } = this.#options;
    if (rateLimit === undefined) return;
    const { state, waitMs } = takeToken(this.#bucket, rateLimit, clock.monotonicMs());
    this.#bucket = state;
    if (waitMs > 0) await this.#sleep(waitMs, signal);
    meter?.waited(verb, waitMs);
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (ms > 0) await this.#options.clock.sleep(ms, signal);
    signal.throwIfAborted();
  }
}

/** A working server ends a watch at most this long after the watch's timeout. */
const WATCH_OVERTIME_MS = 60_000;

/** Returns the maximum silence of a watch. */
function watchSilenceMs({ timeoutMs }: WatchOptions): number {
  return timeoutMs === undefined ? Number.POSITIVE_INFINITY : timeoutMs + WATCH_OVERTIME_MS;
}

function json(body: unknown): Pick<Call, 'body' | 'contentType'> {
  return { body: JSON.stringify(body), contentType: 'application/json' };
}

/** Adds the object's kind and version, which the API server requires. */
function typed<T extends KubeObject>(resource: AnyResource<T>, object: T): T {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}
