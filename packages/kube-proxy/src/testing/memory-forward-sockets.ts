import { ProxyError } from '../model/errors.js';
import type {
  Forwarding,
  ForwardingSocket,
  ForwardOptions,
  ForwardSockets,
  SocketAddress,
} from '../ports.js';

/** Forwarding without sockets: each port can be opened once per protocol, whatever the address. */
export class MemoryForwardSockets implements ForwardSockets {
  /** Keys like `TCP 40000`. */
  readonly open = new Map<string, Forwarding | 'claimed'>();
  /** The value given last. */
  idleMs: number | undefined;
  #next = 40_000;

  async forwardTcp(address: SocketAddress, forwarding: Forwarding): Promise<ForwardingSocket> {
    return this.#take('TCP', address, forwarding);
  }

  async forwardUdp(
    addresses: readonly SocketAddress[],
    forwarding: Forwarding,
    { idleMs }: ForwardOptions,
  ): Promise<ForwardingSocket> {
    this.idleMs = idleMs;
    const [first] = addresses;
    if (first === undefined) throw new ProxyError('PROXY_LISTEN', 'no address');
    return this.#take('UDP', first, forwarding);
  }

  async claim(protocol: 'TCP' | 'UDP', address: SocketAddress) {
    return this.#take(protocol, address, 'claimed');
  }

  /** Returns the target that a new client of a port gets. */
  pick(protocol: 'TCP' | 'UDP', port: number, client = '10.0.0.99') {
    const found = this.open.get(`${protocol} ${port}`);
    return found === undefined || found === 'claimed' ? undefined : found.pick(client, 0);
  }

  #take(protocol: string, { port }: SocketAddress, use: Forwarding | 'claimed'): ForwardingSocket {
    const own = port === 0 ? this.#next++ : port;
    const key = `${protocol} ${own}`;
    if (this.open.has(key)) throw new ProxyError('PROXY_LISTEN', `${key}: address in use`);
    this.open.set(key, use);
    return {
      port: own,
      endSessions: () => undefined,
      close: async () => void this.open.delete(key),
    };
  }
}
