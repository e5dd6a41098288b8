import { FrameSplitter } from '../codec/frames.js';
import { decodeMessage, encodeMessage } from '../codec/message.js';
import { authOk } from '../codec/sasl.js';
import { DbusError } from '../model/errors.js';
import type { DbusCall, DbusMessage, DbusSignal, DbusValue } from '../model/message.js';
import { BUS } from '../plan/bus.js';
import type { DbusEndpoint, DbusStreamHandlers } from '../ports.js';

/** The answer to a call: its types and its values. */
export type MemoryAnswer = Readonly<{ signature: string; body: readonly DbusValue[] }>;

/** The programs on the simulated bus, and their answers. */
export interface MemoryBusOptions {
  /** Names on the bus and the connections that have them: `{ 'org.example': ':1.1' }`. */
  readonly owners?: Readonly<Record<string, string>>;
  /**
   * Answers a call to one of the names.
   *
   * @returns undefined for no answer at all
   * @throws {DbusError} `DBUS_REFUSED`, which the caller gets
   */
  readonly onCall: (call: DbusCall) => MemoryAnswer | undefined | Promise<MemoryAnswer | undefined>;
}

const MAX_BYTES = 2 ** 27;

/** A bus in memory with programs that a test plays. It speaks the protocol, byte for byte. */
export class MemoryBus {
  readonly #options: MemoryBusOptions;
  readonly #clients = new Set<MemoryClient>();
  #opened = 0;
  #serial = 0;

  constructor(options: MemoryBusOptions) {
    this.#options = options;
  }

  /** The number of connections that were opened so far. */
  get opened(): number {
    return this.#opened;
  }

  /** A new connection: `open` of the client. */
  open(): Promise<DbusEndpoint> {
    this.#opened += 1;
    const client: MemoryClient = {
      handlers: undefined,
      frames: undefined,
      isGreeted: false,
      rules: new Set(),
    };
    this.#clients.add(client);
    const stream: DbusEndpoint['stream'] = {
      send: (bytes) => this.#receive(client, bytes),
      listen: (handlers) => {
        client.handlers = handlers;
      },
      close: () => this.#end(client, undefined),
    };
    return Promise.resolve({ stream, isBus: true, uid: 0 });
  }

  /** Sends a signal to the connections that asked for it. */
  emit({ sender, ...signal }: DbusSignal & { sender: string; signature: string }): void {
    const owner = this.#options.owners?.[sender] ?? sender;
    for (const client of this.#clients) {
      const isWanted = [...client.rules].some(
        (rule) =>
          rule.includes(`member='${signal.member}'`) && rule.includes(`path='${signal.path}'`),
      );
      if (isWanted) this.#send(client, { type: 'signal', sender: owner, ...signal });
    }
  }

  /** Sends these bytes to all connections, whatever they are. */
  sendRaw(bytes: Uint8Array): void {
    for (const { handlers } of this.#clients) handlers?.onBytes(bytes);
  }

  /** Ends all connections. */
  drop(): void {
    for (const client of [...this.#clients]) this.#end(client, undefined);
  }

  #end(client: MemoryClient, error: unknown): void {
    if (this.#clients.delete(client)) client.handlers?.onClose(error);
  }

  #receive(client: MemoryClient, bytes: Uint8Array): void {
    if (!this.#clients.has(client)) return;
    if (!client.isGreeted) {
      client.isGreeted = true;
      client.handlers?.onBytes(authOk());
      return;
    }
    if (client.frames === undefined) {
      client.frames = new FrameSplitter(MAX_BYTES); // the client has said BEGIN
      return;
    }
    for (const frame of client.frames.push(bytes)) {
      const message = decodeMessage(frame);
      if (message?.type === 'call') void this.#answer(client, message);
    }
  }

  async #answer(client: MemoryClient, message: DbusMessage): Promise<void> {
    const reply = { replySerial: message.serial, sender: BUS.destination };
    try {
      const call = { ...message, path: message.path ?? '', interface: message.interface ?? '' };
      const answer =
        message.destination === BUS.destination
          ? this.#busAnswer(client, message)
          : await this.#options.onCall({ ...call, member: message.member ?? '' });
      if (answer !== undefined) this.#send(client, { type: 'return', ...reply, ...answer });
    } catch (error) {
      if (!(error instanceof DbusError)) throw error;
      const { errorName = 'org.freedesktop.DBus.Error.Failed', message: text } = error;
      this.#send(client, { type: 'error', ...reply, errorName, signature: 's', body: [text] });
    }
  }

  #busAnswer(client: MemoryClient, { member, body }: DbusMessage): MemoryAnswer {
    const text = typeof body[0] === 'string' ? body[0] : '';
    if (member === 'Hello') return { signature: 's', body: [':1.99'] };
    if (member === 'AddMatch') client.rules.add(text);
    if (member === 'RemoveMatch') client.rules.delete(text);
    if (member !== 'GetNameOwner') return { signature: '', body: [] };
    const owner = this.#options.owners?.[text];
    if (owner !== undefined) return { signature: 's', body: [owner] };
    const errorName = 'org.freedesktop.DBus.Error.NameHasNoOwner';
    throw new DbusError('DBUS_REFUSED', 'nobody has the name', { errorName });
  }

  #send(client: MemoryClient, message: Omit<DbusMessage, 'serial'>): void {
    this.#serial += 1;
    client.handlers?.onBytes(encodeMessage({ ...message, serial: this.#serial }));
  }
}

interface MemoryClient {
  handlers: DbusStreamHandlers | undefined;
  isGreeted: boolean;
  frames: FrameSplitter | undefined;
  readonly rules: Set<string>;
}
