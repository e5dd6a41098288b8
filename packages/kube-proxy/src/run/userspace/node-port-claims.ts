import type { IpFamily } from '../../model/address.js';
import type { ServicePort } from '../../model/service.js';
import type { PortView } from '../../plan/node-view.js';
import type { ForwardSockets, Problems } from '../../ports.js';

export interface NodePortClaimsOptions {
  readonly family: IpFamily;
  readonly sockets: ForwardSockets;
  readonly problems: Problems;
}

interface Claim {
  readonly service: ServicePort;
  readonly hosts: string;
  /** Empty when another program has the port. */
  readonly sockets: readonly Readonly<{ close(): Promise<void> }>[];
}

/**
 * Holds the node ports, so that no other program of this host can take one. A port that another
 * program already has stays with it, and the Service gets an event.
 */
export class NodePortClaims {
  readonly #options: NodePortClaimsOptions;
  readonly #claims = new Map<string, Claim>();

  constructor(options: NodePortClaimsOptions) {
    this.#options = options;
  }

  has(service: ServicePort): boolean {
    return (this.#claims.get(keyOf(service))?.sockets.length ?? 0) > 0;
  }

  async update(views: Iterable<PortView>, ips: 'all' | readonly string[]): Promise<void> {
    const wildcard = this.#options.family === 'IPv4' ? '0.0.0.0' : '::';
    const hosts = ips === 'all' ? [wildcard] : ips;
    const wanted = new Map<string, ServicePort>();
    for (const { service } of views) {
      if (service.nodePort === 0 || service.protocol === 'SCTP') continue;
      if (!wanted.has(keyOf(service))) wanted.set(keyOf(service), service);
    }
    for (const [key, claim] of this.#claims) {
      const isKept = wanted.has(key) && claim.hosts === hosts.join() && claim.sockets.length > 0;
      if (!isKept) await this.#release(key);
    }
    for (const [key, service] of wanted) {
      if (!this.#claims.has(key)) await this.#claim(key, service, hosts);
    }
  }

  async close(): Promise<void> {
    for (const key of [...this.#claims.keys()]) await this.#release(key);
  }

  async #claim(key: string, service: ServicePort, hosts: readonly string[]): Promise<void> {
    const { sockets, problems, family } = this.#options;
    const { nodePort: port, protocol, portName } = service;
    const held: Claim['sockets'][number][] = [];
    const part = `userspace ${family} claim ${portName} ${protocol}`;
    const about = { kind: 'Service', name: service.service, part } as const;
    try {
      for (const host of hosts) {
        held.push(await sockets.claim(protocol === 'UDP' ? 'UDP' : 'TCP', { host, port }));
      }
      problems.set(about, []);
    } catch (error) {
      for (const socket of held.splice(0)) await socket.close();
      problems.set(about, [`node port ${port}/${protocol} is taken: ${(error as Error).message}`]);
    }
    this.#claims.set(key, { service, hosts: hosts.join(), sockets: held });
  }

  async #release(key: string): Promise<void> {
    const claim = this.#claims.get(key);
    this.#claims.delete(key);
    for (const socket of claim?.sockets ?? []) await socket.close();
  }
}

function keyOf({ protocol, nodePort }: ServicePort): string {
  return `${protocol} ${nodePort}`;
}
