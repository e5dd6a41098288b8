import {
  type BackoffRules,
  type BackoffState,
  type Clock,
  isAborted,
  jittered,
  type Logger,
  type Metrics,
  nextBackoff,
  type Random,
  SILENT_LOGGER,
} from '@nodeagent/base';
import { createSystemClock, systemRandom } from '@nodeagent/base/system';

import { isKubeError, KubeError } from '../model/errors.js';
import type { ObjectFailure } from '../model/object-failure.js';
import type { KubeObject } from '../model/objects.js';
import type { Resource } from '../model/resource.js';
import { nameOf, objectKey } from '../plan/object-name.js';
import type { KubeClient, ObjectName, ReflectorSink, Selectors } from '../ports.js';
import { ObjectFailures } from './object-failures.js';

/** The objects to follow, the part of them to keep, and its receiver. */
export interface ReflectorOptions<T extends KubeObject, P> {
  readonly resource: Resource<T>;
  /** All objects when absent. */
  readonly selectors?: Selectors;
  /**
   * Selects the part of an object to keep; undefined drops the object. It must copy that part out
   * of large fields, because its result is all that stays in memory. It may throw on objects that
   * violate the API.
   */
  readonly project: (object: T) => P | undefined;
  readonly sink: ReflectorSink<P>;
  /** Receives one line for each object that cannot be used; silent when absent. */
  readonly log?: Pick<Logger, 'error'>;
  /** Registers `nodeagent_object_failures_total{kind,step}`; not counted when absent. */
  readonly metrics?: Metrics | undefined;
  /** Called for each object that cannot be used, after the log line, e.g. to report an event. */
  readonly onObjectFailure?: ((failure: ObjectFailure) => void) | undefined;
  /** The system's clocks when absent. */
  readonly clock?: Clock;
  /** `Math.random` when absent. */
  readonly random?: Random;
  /** Number of objects per page of a list; 100 when absent. */
  readonly pageSize?: number;
  /** Called once, when the first complete state has reached the sink. */
  readonly onSynced?: () => void;
  /** Called for each failure that leads to a wait. */
  readonly onError?: (error: KubeError, retryInMs: number) => void;
}

/**
 * Equals upstream's back-off except for the first wait, which is 800 ms there. With several
 * servers, or after a restart, a retry often succeeds at once, and until then the node works with
 * outdated knowledge. From the fourth try on, the waits are upstream's.
 *
 * @see Kubernetes 1.36 client-go/tools/cache/reflector.go, NewReflectorWithOptions
 */
const BACKOFF: BackoffRules = { initialMs: 100, maxMs: 30_000, resetAfterMs: 120_000 };
const BACKOFF_JITTER = 1;
/**
 * Small, because a whole page is in memory at a time: 5,000 pods cost 29 MiB at 100, 57 MiB at 500.
 */
const PAGE_SIZE = 100;
/** Watches end after this to twice this time, so that servers that come back share the load. */
const WATCH_MS = 300_000;
/**
 * A watch that ends this soon without an event counts as a failure; otherwise the loop could spin.
 */
const SHORT_WATCH_MS = 1000;

/**
 * Keeps a sink in step with a resource until the signal fires. It lists the resource page by page,
 * then watches it, and resumes after each interruption from the last version seen; it lists again
 * only when the server no longer has that version. Failures lead to jittered waits of 0.1 to 60 s.
 *
 * If `project`, or the sink's `upsert` or `remove`, throws on an object, only that object is
 * affected: the failure is logged and counted, the object's previous projection stays in force,
 * also in the next list, and the watch continues.
 *
 * @throws what the sink's `replace` throws: it concerns no single object, so it is a programming
 *   error
 */
export async function runReflector<T extends KubeObject, P>(
  client: KubeClient,
  given: ReflectorOptions<T, P>,
  signal: AbortSignal,
): Promise<void> {
  const options = withDefaults(given);
  const reflection = new Reflection(client, options);
  let failed: BackoffState | undefined;
  while (!signal.aborted) {
    try {
      await reflection.advance(signal);
    } catch (error) {
      if (isAborted(signal)) return;
      if (!isKubeError(error)) throw error;
      failed = nextBackoff(failed, BACKOFF, options.clock.monotonicMs());
      const delayMs = jittered(failed.delayMs, BACKOFF_JITTER, options.random);
      const retryInMs = Math.max(delayMs, error.retryAfterMs ?? 0);
      options.onError?.(error, retryInMs);
      await options.clock.sleep(retryInMs, signal);
    }
  }
}

type Settled<T extends KubeObject, P> = ReflectorOptions<T, P> &
  Required<Pick<ReflectorOptions<T, P>, 'log' | 'clock' | 'random'>>;

function withDefaults<T extends KubeObject, P>(options: ReflectorOptions<T, P>): Settled<T, P> {
  const { log = SILENT_LOGGER, clock = createSystemClock(), random = systemRandom } = options;
  return { ...options, log, clock, random };
}

class Reflection<T extends KubeObject, P> {
  readonly #client: KubeClient;
  readonly #options: Settled<T, P>;
  readonly #failures: ObjectFailures;
  /** The last value of each object that the sink received. */
  #known = new Map<string, P>();
  /** The version that the sink shows; undefined when a list is due. */
  #version: string | undefined;
  /**
   * The first list accepts any version. Later lists need the newest one, or time would seem to go
   * back.
   */
  #listFrom: string | undefined = '0';
  #relisted = false;

  constructor(client: KubeClient, options: Settled<T, P>) {
    this.#client = client;
    this.#options = options;
    const { resource, log, metrics, onObjectFailure } = options;
    this.#failures = new ObjectFailures({ kind: resource.kind, log, metrics, onObjectFailure });
  }

  /** Makes one list, if it is due, and one watch. */
  async advance(signal: AbortSignal): Promise<void> {
    if (this.#version === undefined) {
      const { items, version } = await this.#list(signal);
      this.#known = new Map(items);
      this.#options.sink.replace(items);
      this.#version = version;
      if (this.#listFrom !== undefined) this.#options.onSynced?.();
      this.#listFrom = undefined;
    }
    try {
      await this.#watch(this.#version, signal);
    } catch (error) {
      // An event that cannot be read would come again: only a list leads past it.
      if (isKubeError(error, 'KUBE_PROTOCOL')) this.#version = undefined;
      if (!isKubeError(error, 'KUBE_GONE')) throw error;
      this.#version = undefined;
      // The first time, this is the normal end of a long interruption: no reason to wait.
      if (this.#relisted) throw error;
      this.#relisted = true;
    }
  }

  async #list(signal: AbortSignal): Promise<Listed<P>> {
    try {
      return await this.#pages(this.#options.pageSize ?? PAGE_SIZE, signal);
    } catch (error) {
      // The continue token expired during the list: list everything in one request.
      if (!isKubeError(error, 'KUBE_GONE')) throw error;
      return this.#pages(undefined, signal);
    }
  }

  async #pages(limit: number | undefined, signal: AbortSignal): Promise<Listed<P>> {
    const { resource, selectors } = this.#options;
    const items = new Map<string, P>();
    let continueToken: string | undefined;
    for (;;) {
      const page = await this.#client.list(
        resource,
        {
          ...selectors,
          ...(limit === undefined ? {} : { limit }),
          ...(continueToken === undefined ? {} : { continueToken }),
          ...(this.#listFrom === undefined ? {} : { resourceVersion: this.#listFrom }),
        },
        signal,
      );
      for (const object of page.items) {
        const name = this.#nameOf(object);
        if (name === undefined) continue;
        const key = objectKey({ metadata: name });
        const read = this.#project(object);
        const projected = read === 'failed' ? this.#known.get(key) : read.projected;
        if (projected !== undefined) items.set(key, projected);
      }
      continueToken = page.continueToken;
      if (continueToken !== undefined) continue;
      if (page.resourceVersion !== '') return { items, version: page.resourceVersion };
      const what = `list of ${resource.plural}`;
      throw new KubeError('KUBE_PROTOCOL', `${what}: it has no version to watch from`);
    }
  }

  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { resource, selectors, clock, random } = this.#options;
    const startedMs = clock.monotonicMs();
    const timeoutMs = WATCH_MS * (1 + random());
    const options = { ...selectors, resourceVersion, timeoutMs };
    let events = 0;
    for await (const event of this.#client.watch(resource, options, signal)) {
      events += 1;
      this.#relisted = false;
      if (event.type === 'bookmark') this.#version = event.resourceVersion;
      else this.#apply(event.type, event.object);
    }
    const lasted = clock.monotonicMs() - startedMs >= SHORT_WATCH_MS;
    // A server may send nothing for a quiet kind until its version expires: that is not a failure.
    if (lasted) this.#relisted = false;
    if (events > 0 || lasted) return;
    const what = `watch of ${resource.plural}`;
    throw new KubeError('KUBE_UNAVAILABLE', `${what}: the server ended it at once`);
  }

  #apply(type: 'added' | 'modified' | 'deleted', object: T): void {
    const version: unknown = object.metadata?.resourceVersion;
    if (typeof version === 'string') this.#version = version;
    const name = this.#nameOf(object);
    if (name === undefined) return;
    const read = type === 'deleted' ? { projected: undefined } : this.#project(object);
    if (read === 'failed') return;
    const key = objectKey({ metadata: name });
    try {
      this.#tell(key, read.projected);
    } catch (error) {
      this.#failures.note(object, 'handle', error);
    }
  }

  #tell(key: string, projected: P | undefined): void {
    const { sink } = this.#options;
    if (projected === undefined) {
      this.#known.delete(key);
      sink.remove(key);
    } else {
      sink.upsert(key, projected);
      this.#known.set(key, projected);
    }
  }

  #nameOf(object: T): ObjectName | undefined {
    try {
      return nameOf(object);
    } catch (error) {
      this.#failures.note(object, 'read', error);
      return undefined;
    }
  }

  #project(object: T): Readonly<{ projected: P | undefined }> | 'failed' {
    try {
      return { projected: this.#options.project(object) };
    } catch (error) {
      this.#failures.note(object, 'read', error);
      return 'failed';
    }
  }
}

interface Listed<P> {
  readonly items: ReadonlyMap<string, P>;
  readonly version: string;
}
