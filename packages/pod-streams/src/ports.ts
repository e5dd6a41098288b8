import type { ChannelProtocol } from './codec/channel-frame.js';

/** Receives the messages of a connection. */
export interface ChannelHandlers {
  /** @returns false to pause messages until {@link ChannelSocket.resume} */
  data(channel: number, data: Uint8Array): boolean;
  /**
   * Called exactly once, after the connection was opened. `error` is undefined after an orderly close,
   * the reason of an abort, or the error of a connection that broke.
   */
  closed(error: unknown): void;
}

/** A connection whose messages belong to numbered channels. */
export interface ChannelSocket {
  readonly protocol: ChannelProtocol;
  /** @param done called when the data has left this process, or cannot leave it any more */
  send(channel: number, data: Uint8Array, done: (error?: Error | null) => void): void;
  /** @returns false when the protocol has no message for it */
  sendEnd(channel: number): boolean;
  /** Sends the size of a terminal. */
  sendSize(columns: number, rows: number): void;
  resume(): void;
  /** Closes the connection in order; what arrives meanwhile is dropped. */
  close(): void;
}

/**
 * Opens a connection for one session. The handlers receive messages from the moment when it is open.
 *
 * @param protocols the best one first; the server chooses one
 */
export type OpenChannels = (
  protocols: readonly ChannelProtocol[],
  handlers: ChannelHandlers,
) => Promise<ChannelSocket>;
