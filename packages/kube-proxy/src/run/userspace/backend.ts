import type { Clock, Logger } from '@nodeagent/base';
import type { Iptables } from '@nodeagent/netfilter';

import type { LocalTraffic } from '../../model/local-traffic.js';
import { matchingAddresses, type NodePortAddresses } from '../../model/node-ports.js';
import type { ServicePort } from '../../model/service.js';
import type { NodeView, PortView, ViewChange } from '../../plan/node-view.js';
import { planPortals, PORTAL_JUMPS } from '../../plan/userspace/portal-rules.js';
import type { Backend, ForwardSockets, Interfaces, Problems } from '../../ports.js';
import { watchCanaries } from '../iptables/canary.js';
import { NodePortClaims } from './node-port-claims.js';
import { PortProxy } from './port-proxy.js';
import type { FrontOptions } from './service-front.js';

export interface UserspaceBackendOptions extends FrontOptions {
  readonly iptables: Iptables;
  readonly localTraffic: LocalTraffic | undefined;
  readonly nodePortAddresses: NodePortAddresses;
  readonly interfaces: Interfaces;
  readonly syncPeriodMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly problems: Problems;
  readonly sockets: ForwardSockets;
}

/**
 * Carries every connection through this process: rules redirect packets for a Service to a socket
 * of the proxy, which picks an endpoint and forwards the bytes. Rules change only when a port is
 * added or removed; endpoints come and go without a change in the kernel.
 */
export class UserspaceBackend implements Backend {
  readonly #options: UserspaceBackendOptions;
  readonly #ports = new Map<string, PortProxy>();
  readonly #claims: NodePortClaims;
  #needsFull = true;
  #written = '';

  constructor(options: UserspaceBackendOptions) {
    this.#options = options;
    this.#claims = new NodePortClaims(options);
  }

  requestFull(): void {
    this.#needsFull = true;
  }

  async sync(view: NodeView, change: ViewChange, signal: AbortSignal): Promise<'full' | 'partial'> {
    const kind = this.#needsFull ? 'full' : 'partial';
    this.#needsFull = true; // until everything below has succeeded
    const nodePortIps = this.#nodePortIps();
    const keys = kind === 'full' ? view.ports.keys() : change.changedPorts;
    for (const key of keys) {
      const port = view.ports.get(key);
      if (port !== undefined) await this.#update(key, port);
    }
    const gone = [...this.#ports].filter(([key]) => !view.ports.has(key));
    for (const [key] of gone) this.#ports.delete(key);
    await this.#claims.update(view.ports.values(), nodePortIps);
    await this.#writeRules(nodePortIps, kind === 'full', signal);
    for (const [, port] of gone) await port.close();
    for (const port of this.#ports.values()) await port.closeUnused();
    this.#needsFull = false;
    return kind;
  }

  async watch(onLost: () => void, signal: AbortSignal): Promise<void> {
    const lost = (): void => {
      this.#needsFull = true;
      onLost();
    };
    try {
      const { iptables, clock, log, syncPeriodMs: periodMs } = this.#options;
      await watchCanaries({ iptables, clock, log, periodMs, onLost: lost }, signal);
    } finally {
      await this.#claims.close();
      for (const port of this.#ports.values()) await port.close();
      this.#ports.clear();
    }
  }

  #nodePortIps(): 'all' | readonly string[] {
    const { nodePortAddresses, interfaces, family } = this.#options;
    return nodePortAddresses.matchesAll
      ? 'all'
      : matchingAddresses(nodePortAddresses, interfaces.addresses(family));
  }

  async #update(key: string, view: PortView): Promise<void> {
    const { service } = view;
    if (service.protocol === 'SCTP') {
      this.#report(service, ['SCTP cannot be carried by the userspace mode']);
      return;
    }
    const port = this.#ports.get(key) ?? new PortProxy(view, this.#options);
    this.#ports.set(key, port);
    try {
      await port.update(view);
      this.#report(service, []);
    } catch (error) {
      this.#report(service, [(error as Error).message]);
    }
  }

  #report({ service, portName, protocol }: ServicePort, messages: readonly string[]): void {
    const part = `userspace ${this.#options.family} ${portName} ${protocol}`;
    this.#options.problems.set({ kind: 'Service', name: service, part }, messages);
  }

  async #writeRules(
    nodePortIps: 'all' | readonly string[],
    isFull: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { iptables, localTraffic } = this.#options;
    const portals = [...this.#ports.values()].map((port) => {
      const { view } = port.portal(true);
      return port.portal(this.#claims.has(view.service));
    });
    const tables = planPortals(portals, { localTraffic, nodePortIps });
    const text = tables.map(({ lines }) => [...lines].join('')).join();
    if (!isFull && text === this.#written) return;
    this.#written = '';
    await iptables.restore(tables, signal);
    if (isFull) {
      for (const { jump, position } of PORTAL_JUMPS) {
        await iptables.ensureRule(jump, position, signal);
      }
    }
    this.#written = text;
  }
}
