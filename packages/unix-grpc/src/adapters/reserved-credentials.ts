import { EventEmitter } from 'node:events';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';

import { ChannelCredentials, credentials } from '@grpc/grpc-js';

import type { DescriptorReserve } from './descriptor-reserve.js';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * Creates the credentials of a plain connection for which a descriptor is held back.
 *
 * The library opens the socket itself, in the microtask after `waitForReady`.
 */
export function reservedCredentials(
  socketPath: string,
  reserve: DescriptorReserve,
): ChannelCredentials {
  return new ReservedCredentials(socketPath, reserve);
}

class ReservedCredentials extends ChannelCredentials {
  readonly #socketPath: string;
  readonly #reserve: DescriptorReserve;

  constructor(socketPath: string, reserve: DescriptorReserve) {
    super();
    this.#socketPath = socketPath;
    this.#reserve = reserve;
  }

  override _isSecure(): boolean {
    return false;
  }

  override _equals(other: ChannelCredentials): boolean {
    return other === this;
  }

  override _createSecureConnector(
    ...args: Parameters<ChannelCredentials['_createSecureConnector']>
  ): Connector {
    const plain = credentials.createInsecure()._createSecureConnector(...args);
    let place: EventEmitter | undefined;
    return {
      waitForReady: async () => {
        place?.emit('close'); // its connection was refused after all
        place = undefined;
        place = await this.#makePlace();
      },
      connect: (socket) => {
        const taken = place;
        place = undefined;
        if (taken !== undefined) socket.once('close', () => taken.emit('close'));
        return plain.connect(socket);
      },
      getCallCredentials: () => plain.getCallCredentials(),
      destroy: () => plain.destroy(),
    };
  }

  /**
   * Sees to it that one descriptor is free. The one held back is given up only for a server that
   * listens: attempts that fail would lose it to whatever else is waiting for a descriptor.
   *
   * @returns emits `close` by its owner, when the descriptor is not used any more
   */
  #makePlace(): Promise<EventEmitter> {
    let isLent = false;
    return this.#reserve.lend(async () => {
      if (isLent) await findListening(this.#socketPath);
      else {
        isLent = true;
        await (await open('/dev/null', 'w')).close(); // fails when no descriptor is free
      }
      return new EventEmitter();
    });
  }
}

/** Connects and disconnects. The descriptor is free when it returns. */
function findListening(socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath, () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}
