import { type Clock, isAborted } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';

import { DbusError } from '../model/errors.js';
import type { DbusCall, DbusMatch, DbusSignal, DbusValue } from '../model/message.js';
import type { Dbus, DbusEndpoint } from '../ports.js';
import { DbusConnection, type DbusLimits } from './connection.js';

/** Opens the stream again after it broke; signals that were sent meanwhile are lost. */
export interface LastingDbusOptions extends DbusLimits {
  /** Opens a stream; called with the first use, and with the next one after a connection ended. */
  readonly open: () => Promise<DbusEndpoint>;
  /** The system's clocks when absent. */
  readonly clock?: Clock;
}

interface Subscription {
  readonly match: DbusMatch;
  readonly listener: (signal: DbusSignal) => void;
  leave: () => void;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/**
 * D-Bus over a connection that is opened when it is needed, and again after it ended. Subscriptions
 * outlive connections; signals in between are lost, which {@link onOpen} tells.
 */
export class LastingDbus implements Dbus {
  readonly #options: LastingDbusOptions & Readonly<{ clock: Clock }>;
  readonly #subscriptions = new Set<Subscription>();
  readonly #openListeners = new Set<() => void>();
  #connection: Promise<DbusConnection> | undefined;
  #isClosed = false;

  constructor(options: LastingDbusOptions) {
    this.#options = { ...options, clock: options.clock ?? createSystemClock() };
  }

  async call(call: DbusCall): Promise<readonly DbusValue[]> {
    return (await this.#open()).call(call);
  }

  async subscribe(match: DbusMatch, listener: (signal: DbusSignal) => void): Promise<() => void> {
    const connection = await this.#open();
    const leave = await connection.subscribe(match, listener);
    const subscription = { match, listener, leave };
    this.#subscriptions.add(subscription);
    return () => {
      this.#subscriptions.delete(subscription);
      subscription.leave();
    };
  }

  /** Calls back after every connection but the first: signals may have been missed. */
  onOpen(listener: () => void): () => void {
    this.#openListeners.add(listener);
    return () => this.#openListeners.delete(listener);
  }

  /**
   * Keeps the connection open until the signal fires, so that signals arrive though nobody calls.
   *
   * @param onError hears why a connection ended, or cannot be opened
   */
  async keepOpen(signal: AbortSignal, onError: (error: unknown) => void): Promise<void> {
    const stopped = new Promise<undefined>((resolve) => {
      if (signal.aborted) resolve(undefined);
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    let waitMs = FIRST_WAIT_MS;
    while (!isAborted(signal)) {
      try {
        const connection = await this.#open();
        waitMs = FIRST_WAIT_MS;
        const end = await Promise.race([connection.ended, stopped]);
        if (end !== undefined) onError(end);
      } catch (error) {
        onError(error);
      }
      await this.#options.clock.sleep(waitMs, signal);
      waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
    }
  }

  /** Ends the connection for good. */
  close(): void {
    this.#isClosed = true;
    this.#connection?.then(
      (connection) => connection.close(),
      () => undefined, // it was never opened
    );
    this.#connection = undefined;
  }

  #open(): Promise<DbusConnection> {
    if (this.#isClosed) throw new DbusError('DBUS_CLOSED', 'the client was closed');
    if (this.#connection !== undefined) return this.#connection;
    const opening = this.#connect();
    this.#connection = opening;
    const forget = (): void => {
      if (this.#connection === opening) this.#connection = undefined;
    };
    opening.then(async (connection) => {
      await connection.ended;
      forget();
    }, forget);
    return opening;
  }

  async #connect(): Promise<DbusConnection> {
    const { open, ...options } = this.#options;
    const connection = await DbusConnection.open({ ...options, endpoint: await open() });
    try {
      for (const subscription of this.#subscriptions) {
        subscription.leave = await connection.subscribe(subscription.match, subscription.listener);
      }
    } catch (error) {
      connection.close();
      throw error;
    }
    if (this.#wasOpen) for (const listener of this.#openListeners) listener();
    this.#wasOpen = true;
    return connection;
  }

  #wasOpen = false;
}
