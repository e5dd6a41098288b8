import {
  type Clock,
  type Counter,
  formatTimestamp,
  isAborted,
  type Metrics,
  type Random,
  Wake,
} from '@nodeagent/base';

import { isKubeError, type KubeError } from '../model/errors.js';
import type { EventNote } from '../model/event.js';
import type { CoreEvent } from '../model/generated/api-types.js';
import { EVENTS } from '../model/resources/core.js';
import { type Correlation, EventCorrelator } from '../plan/correlate-event.js';
import type { EventRecorder, KubeClient } from '../ports.js';

/** The reporter of the events, and the limits that keep it from flooding the API. */
export interface EventRecorderOptions {
  /** The reporting component: `kubelet`. */
  readonly component: string;
  /** The node that the reporter runs on, if any. */
  readonly host?: string;
  /** The name of this instance of the reporter; the host when absent. */
  readonly instance?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  /** Called for each event that is dropped. */
  readonly onDrop?: (note: EventNote, error: KubeError) => void;
}

/** Maximum number of waiting events; further ones are dropped and counted. */
const QUEUE_LIMIT = 1000;
const TRIES = 12;
const RETRY_MS = 10_000;

/**
 * Reports events to users through the API. `record` never blocks and never throws; `run` sends
 * events until its signal fires. At most 1000 events wait. Events that are dropped, for this limit
 * or by the flood rules, are counted in `nodeagent_events_dropped_total{why}`.
 */
export class QueuedEventRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #correlator = new EventCorrelator();
  readonly #queue: { readonly note: EventNote; readonly atMs: number }[] = [];
  readonly #wake = new Wake();
  readonly #dropped: Counter;
  #serial = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#dropped = options.metrics.counter({
      name: 'nodeagent_events_dropped_total',
      help: 'Events that were not sent, by reason: queue-full, flood, refused, unreachable.',
      labelNames: ['why'],
    });
  }

  record(note: EventNote): void {
    if (this.#queue.length >= QUEUE_LIMIT) {
      this.#dropped.increment({ why: 'queue-full' });
      return;
    }
    this.#queue.push({ note, atMs: this.#options.clock.nowMs() });
    this.#wake.wake();
  }

  async run(client: KubeClient, signal: AbortSignal): Promise<void> {
    while ((await this.#wake.wait(signal)) === 'woken') {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        if (signal.aborted) return;
        await this.#tell(client, next, signal);
      }
    }
  }

  async #tell(
    client: KubeClient,
    { note, atMs }: { readonly note: EventNote; readonly atMs: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, random, onDrop } = this.#options;
    const correlation = this.#correlator.correlate(note, clock.monotonicMs());
    if (correlation.kind === 'drop') {
      this.#dropped.increment({ why: 'flood' });
      return;
    }
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#send(client, { note, atMs, correlation }, signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!isKubeError(error)) throw error;
        const worthTrying = isKubeError(error, 'KUBE_UNAVAILABLE', 'KUBE_CONFIG');
        if (!worthTrying || tries === TRIES) {
          this.#dropped.increment({ why: worthTrying ? 'unreachable' : 'refused' });
          onDrop?.(note, error);
          return;
        }
        // Starts at a random point of the first wait, so that nodes do not all come back at the
        // same moment.
        await clock.sleep(tries === 1 ? RETRY_MS * random() : RETRY_MS, signal);
        if (isAborted(signal)) return;
      }
    }
  }

  async #send(
    client: KubeClient,
    what: { note: EventNote; atMs: number; correlation: Exclude<Correlation, { kind: 'drop' }> },
    signal: AbortSignal,
  ): Promise<void> {
    const { note, atMs, correlation } = what;
    const { key, message } = correlation;
    if (correlation.kind === 'repeat') {
      const { name, namespace, count } = correlation.event;
      const body = { count, lastTimestamp: formatTimestamp(atMs), message };
      try {
        await client.patch(EVENTS, { namespace, name }, { type: 'merge', body }, signal);
        this.#correlator.told(key, correlation.event);
        return;
      } catch (error) {
        if (!isKubeError(error, 'KUBE_NOT_FOUND')) throw error; // the stored event has expired
      }
    }
    const event = this.#newEvent(note, message, atMs);
    const { name = '', namespace = 'default' } = event.metadata;
    await client.create(EVENTS, event, signal);
    this.#correlator.told(key, { name, namespace, count: 1 });
  }

  #newEvent(note: EventNote, message: string, atMs: number): CoreEvent {
    const { component, host, instance = host ?? '' } = this.#options;
    const { about, type, reason, action, annotations } = note;
    const nanos = BigInt(Math.floor(atMs)) * 1_000_000n + BigInt((this.#serial += 1) % 1_000_000);
    return {
      metadata: {
        name: `${about.name ?? 'unnamed'}.${nanos.toString(16)}`,
        namespace: about.namespace ?? 'default',
        ...(annotations !== undefined && { annotations: { ...annotations } }),
      },
      involvedObject: about,
      type,
      reason,
      message,
      source: host === undefined ? { component } : { component, host },
      reportingComponent: component,
      reportingInstance: instance,
      firstTimestamp: formatTimestamp(atMs),
      lastTimestamp: formatTimestamp(atMs),
      count: 1,
      ...(action === undefined ? {} : { action }),
    };
  }
}
