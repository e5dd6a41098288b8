import type { Clock, Logger, Random } from '@nodeagent/base';

import { hostPort, type IpFamily } from '../../model/address.js';
import { type Endpoint, READY } from '../../model/endpoint.js';
import { ProxyError } from '../../model/errors.js';
import type { PortRange } from '../../model/port-range.js';
import type { ServicePort } from '../../model/service.js';
import type { UserspaceMetrics } from '../../model/userspace-metrics.js';
import { RoundRobin } from '../../plan/userspace/round-robin.js';
import type { Forwarding, ForwardingSocket, ForwardSockets, ForwardTarget } from '../../ports.js';

export interface FrontOptions {
  readonly family: IpFamily;
  readonly sockets: ForwardSockets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: UserspaceMetrics;
  readonly portRange: PortRange | 'any';
  /** A UDP client that is silent for this long counts as a new one. */
  readonly udpIdleMs: number;
}

/**
 * Each attempt may take longer than the one before: the first ones give up soon on a server that is
 * gone.
 */
const DIAL_TIMEOUTS_MS = [250, 500, 1000, 2000];

/** A socket of the proxy, and the endpoints of a Service port that it leads to. */
export class ServiceFront {
  readonly #options: FrontOptions;
  readonly #service: ServicePort;
  readonly #balancer: RoundRobin;
  readonly #labels: Readonly<Record<'protocol' | 'ip_family', string>>;
  readonly #onOpen: (change: 1 | -1) => void;
  #socket: ForwardingSocket | undefined;

  /** @param onOpen called when a connection is opened (1) or closed (-1) */
  constructor(service: ServicePort, options: FrontOptions, onOpen: (change: 1 | -1) => void) {
    this.#service = service;
    this.#options = options;
    this.#balancer = new RoundRobin(options.random);
    this.#onOpen = onOpen;
    this.#labels = { protocol: service.protocol, ip_family: options.family };
  }

  /** Undefined while not open. */
  get port(): number | undefined {
    return this.#socket?.port;
  }

  /** Sets the endpoints for clients that come from now on. */
  update(endpoints: readonly Endpoint[], affinitySeconds: number | undefined): void {
    const affinityMs = affinitySeconds === undefined ? undefined : affinitySeconds * 1000;
    this.#balancer.update(endpoints, affinityMs);
    this.#socket?.endSessions(({ host: ip, port }) => {
      return !this.#balancer.has({ ip, port, state: READY, hints: undefined });
    });
  }

  /** @throws {ProxyError} `PROXY_LISTEN` when no port is free */
  async open(): Promise<void> {
    if (this.#socket !== undefined) return;
    const { portRange, random } = this.#options;
    if (portRange === 'any') {
      this.#socket = await this.#listen(0);
      return;
    }
    const start = Math.floor(random() * portRange.count);
    let last: unknown;
    for (let i = 0; i < portRange.count; i += 1) {
      try {
        this.#socket = await this.#listen(portRange.first + ((start + i) % portRange.count));
        return;
      } catch (error) {
        last = error;
      }
    }
    const { first, count } = portRange;
    const message = `no port of ${first} to ${first + count - 1} is free for ${this.#service.label}`;
    throw new ProxyError('PROXY_LISTEN', message, { cause: last });
  }

  async close(): Promise<void> {
    await this.#socket?.close();
    this.#socket = undefined;
  }

  #listen(port: number): Promise<ForwardingSocket> {
    const { sockets, family, udpIdleMs } = this.#options;
    const wildcard = family === 'IPv4' ? '0.0.0.0' : '::';
    const options = { dialTimeoutsMs: DIAL_TIMEOUTS_MS, idleMs: udpIdleMs };
    if (this.#service.protocol === 'TCP') {
      return sockets.forwardTcp({ host: wildcard, port }, this.#forwarding(), options);
    }
    // a redirected packet of this host arrives on loopback, and the answer must come from there
    const loopback = family === 'IPv4' ? '127.0.0.1' : '::1';
    const addresses = [wildcard, loopback].map((host) => ({ host, port }));
    return sockets.forwardUdp(addresses, this.#forwarding(), options);
  }

  #forwarding(): Forwarding {
    const { clock, log, metrics } = this.#options;
    const labels = this.#labels;
    return {
      pick: (client, attempt): ForwardTarget | undefined => {
        const endpoint = this.#balancer.pick(client, clock.monotonicMs(), attempt > 0);
        if (endpoint === undefined) return undefined;
        log.debug(
          {
            service: this.#service.label,
            client,
            to: hostPort(endpoint.ip, endpoint.port),
            attempt,
          },
          'connection forwarded',
        );
        return { host: endpoint.ip, port: endpoint.port };
      },
      opened: () => {
        metrics.connections.increment(labels);
        this.#onOpen(1);
      },
      closed: ({ toServer, toClient }) => {
        metrics.bytes.increment({ ...labels, direction: 'to_server' }, toServer);
        metrics.bytes.increment({ ...labels, direction: 'to_client' }, toClient);
        this.#onOpen(-1);
      },
      failed: (error) => {
        metrics.failures.increment(labels);
        log.debug({ service: this.#service.label, err: error }, 'connection not forwarded');
      },
    };
  }
}
