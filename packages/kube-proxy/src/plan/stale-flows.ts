import type { Flow } from '@nodeagent/netfilter/conntrack';

import { hostPort } from '../model/address.js';
import { endpointText, has, SERVING } from '../model/endpoint.js';
import type { PortView } from './node-view.js';

/**
 * Returns a test for tracked UDP flows that still lead to an endpoint that no longer serves their
 * Service. UDP connections have no end: without a clean-up a busy client keeps sending to a pod
 * that is gone.
 *
 * The test leaves out ports without any serving endpoint and Services that are gone: their flows
 * time out. One test serves all Services; it reads the endpoints only of Services that have flows.
 * @see Kubernetes 1.36 pkg/proxy/conntrack/cleanup.go
 *
 * @returns undefined when no flow can be stale
 */
export function staleFlowTest(ports: Iterable<PortView>): ((flow: Flow) => boolean) | undefined {
  const byAddress = new Map<string, PortView>();
  const byNodePort = new Map<number, PortView>();
  for (const port of ports) {
    const { service, all } = port;
    if (service.protocol !== 'UDP' || !all.some((one) => has(one, SERVING))) continue;
    const ips = [service.clusterIp, ...service.loadBalancerIps, ...service.externalIps];
    for (const ip of ips) byAddress.set(hostPort(ip, service.port), port);
    if (service.nodePort !== 0) byNodePort.set(service.nodePort, port);
  }
  if (byAddress.size === 0) return undefined;
  const servingOf = new Map<PortView, ReadonlySet<string>>();
  const serves = (port: PortView, answers: string): boolean => {
    let serving = servingOf.get(port);
    if (serving === undefined) {
      serving = new Set(port.all.filter((one) => has(one, SERVING)).map(endpointText));
      servingOf.set(port, serving);
    }
    return serving.has(answers);
  };
  return ({ protocol, original, reply }) => {
    if (protocol !== 'udp') return false;
    const { destination, destinationPort } = original;
    const byIp = byAddress.get(hostPort(destination, destinationPort));
    const byPort = byNodePort.get(destinationPort);
    if (byIp === undefined && byPort === undefined) return false;
    const answers = hostPort(reply.source, reply.sourcePort);
    return [byIp, byPort].some((port) => port !== undefined && !serves(port, answers));
  };
}
