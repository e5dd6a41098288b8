import { has, LOCAL, READY } from '../model/endpoint.js';
import type { PortView } from './node-view.js';

/** A port on which load balancers ask whether this node has endpoints of a Service. */
export interface HealthCheck {
  /** `namespace/name`. */
  readonly service: string;
  readonly port: number;
  /** Number of distinct addresses on this node that are ready; terminating ones never count. */
  readonly localEndpoints: number;
}

/** Lists the health check node ports that must be open, in the order of their Services. */
export function planHealthChecks(ports: Iterable<PortView>): readonly HealthCheck[] {
  const found = new Map<string, { port: number; ips: Set<string> }>();
  for (const { service, all } of ports) {
    if (service.healthCheckNodePort === 0) continue;
    const check = found.get(service.service) ?? {
      port: service.healthCheckNodePort,
      ips: new Set<string>(),
    };
    for (const endpoint of all) if (has(endpoint, LOCAL | READY)) check.ips.add(endpoint.ip);
    found.set(service.service, check);
  }
  return [...found].map(([service, { port, ips }]) => {
    return { service, port, localEndpoints: ips.size };
  });
}
