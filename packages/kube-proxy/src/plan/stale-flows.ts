import type { Flow, FlowFilter } from '@nodeagent/netfilter';

import { hostPort } from '../model/address.js';
import { endpointText, has, SERVING } from '../model/endpoint.js';
import type { PortView } from './node-view.js';

/**
 * Tracked UDP flows that still lead to an endpoint that no longer serves their Service. UDP has no
 * end of connection: without a clean-up a busy client keeps talking to a pod that is gone.
 *
 * Ports without any serving endpoint are left out, and so are Services that are gone: their flows
 * run out by themselves. @see Kubernetes 1.36 pkg/proxy/conntrack/cleanup.go
 */
export function findStaleFlows(
  ports: Iterable<PortView>,
  flows: readonly Flow[],
): readonly FlowFilter[] {
  const byAddress = new Map<string, ReadonlySet<string>>();
  const byNodePort = new Map<number, ReadonlySet<string>>();
  for (const { service, all } of ports) {
    if (service.protocol !== 'UDP') continue;
    const serving = new Set(all.filter((one) => has(one, SERVING)).map(endpointText));
    if (serving.size === 0) continue;
    const ips = [service.clusterIp, ...service.loadBalancerIps, ...service.externalIps];
    for (const ip of ips) byAddress.set(hostPort(ip, service.port), serving);
    if (service.nodePort !== 0) byNodePort.set(service.nodePort, serving);
  }
  const stale = new Map<string, FlowFilter>();
  for (const { protocol, original, reply } of flows) {
    if (protocol !== 'udp') continue;
    const { destination, destinationPort } = original;
    const front = hostPort(destination, destinationPort);
    const answers = hostPort(reply.source, reply.sourcePort);
    const misled = [byAddress.get(front), byNodePort.get(destinationPort)].some(
      (serving) => serving !== undefined && !serving.has(answers),
    );
    if (!misled) continue;
    const { source: replySource, sourcePort: replySourcePort } = reply;
    stale.set(`${front} ${answers}`, {
      protocol,
      destination,
      destinationPort,
      replySource,
      replySourcePort,
    });
  }
  return [...stale.values()];
}
