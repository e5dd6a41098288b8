import type { ServicePort } from '../../model/service.js';
import type { PortView } from '../../plan/node-view.js';
import type { Portal } from '../../plan/userspace/portal-rules.js';
import { type FrontOptions, ServiceFront } from './service-front.js';

/** One Service port: up to two sockets of the proxy, for endpoints anywhere and on this node. */
export class PortProxy {
  readonly #options: FrontOptions;
  readonly #cluster: ServiceFront;
  readonly #local: ServiceFront;
  #view: PortView;
  #open = 0;
  #isClosed = false;

  constructor(view: PortView, options: FrontOptions) {
    this.#view = view;
    this.#options = options;
    const count = (change: 1 | -1): void => this.#count(change);
    this.#cluster = new ServiceFront(view.service, options, count);
    this.#local = new ServiceFront(view.service, options, count);
  }

  /** @returns the ports at which connections are accepted now */
  portal(ownsNodePort: boolean): Portal {
    const { port: clusterPort } = this.#cluster;
    const { port: localPort } = this.#local;
    return { view: this.#view, clusterPort, localPort, ownsNodePort };
  }

  /**
   * Opens missing sockets; new clients use the new endpoints at once.
   *
   * @throws {ProxyError} `PROXY_LISTEN`
   */
  async update(view: PortView): Promise<void> {
    this.#view = view;
    const { affinitySeconds } = view.service;
    this.#cluster.update(view.cluster, affinitySeconds);
    this.#local.update(view.local, affinitySeconds);
    if (view.cluster.length > 0) await this.#cluster.open();
    if (view.local.length > 0) await this.#local.open();
  }

  /** Closes sockets that no rule leads to any longer. */
  async closeUnused(): Promise<void> {
    if (this.#view.cluster.length === 0) await this.#cluster.close();
    if (this.#view.local.length === 0) await this.#local.close();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#cluster.close();
    await this.#local.close();
    this.#options.metrics.open.remove(labelsOf(this.#view.service, this.#options));
  }

  #count(change: 1 | -1): void {
    this.#open += change;
    if (this.#isClosed) return;
    this.#options.metrics.open.set(this.#open, labelsOf(this.#view.service, this.#options));
  }
}

function labelsOf({ label, protocol }: ServicePort, { family }: FrontOptions) {
  return { service: label, protocol, ip_family: family };
}
