import type { DbusCall, DbusMatch, DbusSignal, DbusValue } from './model/message.js';

/** Bytes to and from the other side. */
export interface DbusStream {
  send(bytes: Uint8Array): void;
  /**
   * Called once. Nothing is read before.
   *
   * @param handlers `onClose` is called once, with the reason where there is one; nothing follows it
   */
  listen(handlers: DbusStreamHandlers): void;
  /** Has no effect the second time. */
  close(): void;
}

/** Called by a stream as bytes arrive, and when it has ended. */
export interface DbusStreamHandlers {
  readonly onBytes: (chunk: Uint8Array) => void;
  readonly onClose: (error: unknown) => void;
}

/** A new stream, and how its other side is spoken to. */
export interface DbusEndpoint {
  readonly stream: DbusStream;
  /** False on a connection to one program without a bus between: there are no names there. */
  readonly isBus: boolean;
  /** The user that this process claims to be. */
  readonly uid: number;
}

/** Programs on the other side: their methods and their signals. */
export interface Dbus {
  /**
   * Calls a method.
   *
   * @returns the values of the answer
   * @throws {DbusError} `DBUS_REFUSED`, `DBUS_TIMEOUT`, `DBUS_CLOSED`, `DBUS_UNREACHABLE`,
   *   `DBUS_VALUE`, `DBUS_BUSY`
   */
  call(call: DbusCall): Promise<readonly DbusValue[]>;
  /**
   * Calls back on a signal. The listener must not throw.
   *
   * @returns a function that stops the calls
   * @throws as {@link call} does
   */
  subscribe(match: DbusMatch, listener: (signal: DbusSignal) => void): Promise<() => void>;
}
