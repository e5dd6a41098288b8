import type { Clock } from '@nodeagent/base';

import { FrameSplitter } from '../codec/frames.js';
import { decodeMessage, encodeMessage } from '../codec/message.js';
import { authBegin, AuthReader, authRequest } from '../codec/sasl.js';
import { DbusError } from '../model/errors.js';
import type { DbusCall, DbusMatch, DbusMessage, DbusSignal, DbusValue } from '../model/message.js';
import { BUS, matchRule, OWNER_CHANGED, ownerChange } from '../plan/bus.js';
import type { Dbus, DbusEndpoint } from '../ports.js';

/** Limits that keep a silent or hostile peer from holding memory. */
export interface DbusLimits {
  /** How long a call waits for its answer; 25 s when absent. */
  readonly callTimeoutMs?: number | undefined;
  /** The longest message that is accepted; 4 MiB when absent. */
  readonly maxMessageBytes?: number | undefined;
  /** Calls that may wait for their answers at a time; 1,000 when absent. */
  readonly maxPending?: number | undefined;
}

/** An open stream to a bus, and the limits of its use. */
export interface ConnectionOptions extends DbusLimits {
  readonly endpoint: DbusEndpoint;
  readonly clock: Clock;
}

interface Pending {
  readonly settle: (answer: DbusMessage | DbusError) => void;
}

interface Subscriber {
  readonly match: DbusMatch;
  readonly listener: (signal: DbusSignal) => void;
}

const CALL_TIMEOUT_MS = 25_000;
const MAX_MESSAGE_BYTES = 4 * 2 ** 20;
const MAX_PENDING = 1000;
const MAX_SERIAL = 0xffff_ffff;

/**
 * One connection. It ends with the first bytes that are not D-Bus: what follows them cannot be
 * understood.
 */
export class DbusConnection implements Dbus {
  readonly #options: ConnectionOptions;
  readonly #frames: FrameSplitter;
  readonly #pending = new Map<number, Pending>();
  readonly #subscribers = new Set<Subscriber>();
  /** Names on the bus and the connections that have them, for senders of {@link #subscribers}. */
  readonly #owners = new Map<string, string>();
  readonly #ended = Promise.withResolvers<DbusError>();
  #serial = 0;
  #end: DbusError | undefined;
  /** Undefined when the authentication is over. */
  #greeting: AuthReader | undefined = new AuthReader();
  readonly #greeted = Promise.withResolvers<undefined>();

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#frames = new FrameSplitter(options.maxMessageBytes ?? MAX_MESSAGE_BYTES);
    this.#greeted.promise.catch(() => undefined); // told by open()
  }

  /**
   * Authenticates, and registers with the bus where there is one.
   *
   * @throws {DbusError} `DBUS_UNREACHABLE`, `DBUS_MALFORMED`, `DBUS_TIMEOUT`, `DBUS_CLOSED`
   */
  static async open(options: ConnectionOptions): Promise<DbusConnection> {
    const connection = new DbusConnection(options);
    try {
      await connection.#greet();
      if (options.endpoint.isBus) {
        await connection.call({ ...BUS, member: 'Hello' });
        await connection.#followOwners();
      }
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Resolves with the reason when the connection has ended. */
  get ended(): Promise<DbusError> {
    return this.#ended.promise;
  }

  async call(call: DbusCall): Promise<readonly DbusValue[]> {
    const { maxPending = MAX_PENDING, callTimeoutMs = CALL_TIMEOUT_MS } = this.#options;
    if (this.#end !== undefined) throw this.#end;
    if (this.#pending.size >= maxPending) {
      throw new DbusError('DBUS_BUSY', `${maxPending} calls wait for their answers`);
    }
    const serial = this.#nextSerial();
    const { signature = '', body = [], ...rest } = call;
    const bytes = encodeMessage({ type: 'call', serial, ...rest, signature, body });
    const answered = new Promise<DbusMessage | DbusError>((settle) =>
      this.#pending.set(serial, { settle }),
    );
    this.#options.endpoint.stream.send(bytes);
    const name = `${call.interface}.${call.member}`;
    const answer = await this.#inTime(answered, callTimeoutMs, name);
    this.#pending.delete(serial);
    if (answer instanceof DbusError) throw answer;
    if (answer.type === 'error') throw refusal(name, answer);
    return answer.body;
  }

  async subscribe(match: DbusMatch, listener: (signal: DbusSignal) => void): Promise<() => void> {
    const subscriber = { match, listener };
    this.#subscribers.add(subscriber);
    const leave = (): void => {
      this.#subscribers.delete(subscriber);
    };
    if (!this.#options.endpoint.isBus) return leave;
    try {
      await this.#tellBus('AddMatch', matchRule(match));
      await this.#findOwner(match.sender);
    } catch (error) {
      leave();
      throw error;
    }
    return () => {
      leave();
      if (this.#end !== undefined) return;
      // A rule that stays costs a few signals, which are dropped.
      this.#tellBus('RemoveMatch', matchRule(match)).catch(() => undefined);
    };
  }

  close(): void {
    this.#fail(new DbusError('DBUS_CLOSED', 'the connection was closed'));
  }

  async #greet(): Promise<void> {
    const { endpoint, callTimeoutMs = CALL_TIMEOUT_MS } = this.#options;
    endpoint.stream.listen({
      onBytes: (chunk) => this.#receive(chunk),
      onClose: (cause) =>
        this.#fail(new DbusError('DBUS_CLOSED', 'the other side closed the connection', { cause })),
    });
    endpoint.stream.send(authRequest(endpoint.uid));
    const greeted = Promise.race([this.#greeted.promise, this.#ended.promise]);
    const problem = await this.#inTime(greeted, callTimeoutMs, 'the authentication');
    if (problem !== undefined) throw problem;
  }

  /** Rejects nothing: an answer that does not come in time is an error as a value. */
  async #inTime<T>(answer: Promise<T>, ms: number, name: string): Promise<T | DbusError> {
    const done = new AbortController();
    const late = this.#options.clock
      .sleep(ms, done.signal)
      .then(() => new DbusError('DBUS_TIMEOUT', `no answer to ${name} within ${ms} ms`));
    try {
      return await Promise.race([answer, late]);
    } finally {
      done.abort();
    }
  }

  #receive(chunk: Uint8Array): void {
    if (this.#end !== undefined) return;
    try {
      const rest = this.#greeting ? this.#readGreeting(this.#greeting, chunk) : chunk;
      if (rest === undefined || rest.length === 0) return;
      for (const bytes of this.#frames.push(rest)) {
        const message = decodeMessage(bytes);
        if (message !== undefined) this.#take(message);
      }
    } catch (error) {
      if (!(error instanceof DbusError)) throw error;
      this.#fail(error);
    }
  }

  /** @returns the bytes of messages after the answer */
  #readGreeting(greeting: AuthReader, chunk: Uint8Array): Uint8Array | undefined {
    const rest = greeting.push(chunk);
    if (rest === undefined) return undefined;
    this.#greeting = undefined;
    this.#options.endpoint.stream.send(authBegin());
    this.#greeted.resolve(undefined);
    return rest;
  }

  #take(message: DbusMessage): void {
    if (message.type === 'signal') this.#dispatch(message);
    else if (message.type === 'call') this.#refuse(message);
    else this.#pending.get(message.replySerial ?? 0)?.settle(message);
  }

  #dispatch(message: DbusMessage): void {
    const { path = '', interface: name = '', member = '', body } = message;
    const change = ownerChange(message);
    if (change !== undefined && this.#owners.has(change.name)) {
      this.#owners.set(change.name, change.owner);
    }
    for (const { match, listener } of [...this.#subscribers]) {
      if (match.path !== path || match.interface !== name || match.member !== member) continue;
      if (this.#isFrom(message.sender, match.sender)) {
        listener({ path, interface: name, member, body });
      }
    }
  }

  /** Anyone may send a signal to this connection alone, in the name of no one. */
  #isFrom(sender: string | undefined, wanted: string): boolean {
    if (!this.#options.endpoint.isBus) return true;
    return sender !== undefined && (sender === wanted || sender === this.#owners.get(wanted));
  }

  /** This side has no methods. */
  #refuse({ serial, sender, noReply }: DbusMessage): void {
    if (noReply === true) return;
    const answer = encodeMessage({
      ...{ type: 'error', serial: this.#nextSerial(), replySerial: serial, destination: sender },
      errorName: 'org.freedesktop.DBus.Error.UnknownMethod',
      ...{ signature: '', body: [] },
    });
    this.#options.endpoint.stream.send(answer);
  }

  async #followOwners(): Promise<void> {
    await this.#tellBus('AddMatch', matchRule(OWNER_CHANGED));
  }

  async #findOwner(name: string): Promise<void> {
    if (name === BUS.destination || name.startsWith(':') || this.#owners.has(name)) return;
    this.#owners.set(name, '');
    try {
      const [owner] = await this.#tellBus('GetNameOwner', name);
      if (typeof owner === 'string') this.#owners.set(name, owner);
    } catch (error) {
      // Nobody has the name yet; the bus tells when somebody does.
      if (!(error instanceof DbusError) || error.code !== 'DBUS_REFUSED') throw error;
    }
  }

  #tellBus(member: string, text: string): Promise<readonly DbusValue[]> {
    return this.call({ ...BUS, member, signature: 's', body: [text] });
  }

  #nextSerial(): number {
    this.#serial = this.#serial === MAX_SERIAL ? 1 : this.#serial + 1;
    return this.#serial;
  }

  #fail(error: DbusError): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    this.#options.endpoint.stream.close();
    for (const { settle } of this.#pending.values()) settle(error);
    this.#ended.resolve(error);
  }
}

function refusal(name: string, { errorName = '', body }: DbusMessage): DbusError {
  const [text] = body;
  const why = typeof text === 'string' ? text : errorName;
  return new DbusError('DBUS_REFUSED', `${name}: ${why}`, { errorName });
}
