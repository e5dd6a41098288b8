import type { EventRecorder } from '@nodeagent/kube-client';

import type { HealthCheck } from '../plan/health-checks.js';
import type { HttpAnswer, HttpListener, HttpServer } from '../ports.js';
import { JSON_HEADERS } from './proxy-health.js';

export interface ServiceHealthOptions {
  readonly http: HttpListener;
  /** Addresses to listen on: the wildcard of the family, or the configured node port addresses. */
  readonly hosts: readonly string[];
  readonly nodeName: string;
  readonly events: EventRecorder;
  readonly isProxyHealthy: () => boolean;
}

interface OpenCheck {
  readonly port: number;
  localEndpoints: number;
  readonly servers: readonly HttpServer[];
}

/** Answers load balancers on the health check node ports of Services, for one address family. */
export class ServiceHealth {
  readonly #options: ServiceHealthOptions;
  readonly #open = new Map<string, OpenCheck>();

  constructor(options: ServiceHealthOptions) {
    this.#options = options;
  }

  /** Opens, closes and refreshes ports; a port that cannot be opened is tried again next time. */
  async update(checks: readonly HealthCheck[]): Promise<void> {
    const wanted = new Map(checks.map((check) => [check.service, check]));
    for (const [service, { port }] of this.#open) {
      if (wanted.get(service)?.port !== port) await this.#close(service);
    }
    for (const check of checks) {
      const open = this.#open.get(check.service);
      if (open === undefined) await this.#listen(check);
      else open.localEndpoints = check.localEndpoints;
    }
  }

  async close(): Promise<void> {
    for (const service of [...this.#open.keys()]) await this.#close(service);
  }

  async #listen({ service, port, localEndpoints }: HealthCheck): Promise<void> {
    const { http, hosts, nodeName, events } = this.#options;
    const servers: HttpServer[] = [];
    const handler = (): HttpAnswer => this.#answer(service);
    try {
      for (const host of hosts) servers.push(await http.listen({ host, port }, handler));
      this.#open.set(service, { port, localEndpoints, servers });
    } catch (error) {
      await Promise.all(servers.map((server) => server.close()));
      const why = `failed to start healthcheck "${service}" on port ${port}`;
      const [namespace = '', name = ''] = service.split('/');
      events.record({
        type: 'Warning',
        reason: 'FailedToStartServiceHealthcheck',
        action: 'Listen',
        message: `node ${nodeName} ${why}: ${(error as Error).message}`,
        about: { kind: 'Service', namespace, name },
      });
    }
  }

  async #close(service: string): Promise<void> {
    const open = this.#open.get(service);
    this.#open.delete(service);
    await Promise.all((open?.servers ?? []).map((server) => server.close()));
  }

  #answer(service: string): HttpAnswer {
    const localEndpoints = this.#open.get(service)?.localEndpoints ?? 0;
    const serviceProxyHealthy = this.#options.isProxyHealthy();
    const [namespace, name] = service.split('/');
    const report = { service: { namespace, name }, localEndpoints, serviceProxyHealthy };
    return {
      status: localEndpoints > 0 && serviceProxyHealthy ? 200 : 503,
      headers: { ...JSON_HEADERS, 'X-Load-Balancing-Endpoint-Weight': String(localEndpoints) },
      body: JSON.stringify(report, undefined, '\t'),
    };
  }
}
