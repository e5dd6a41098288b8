import type { NodeView, PortView } from '../node-view.js';
import type { TraceNode, TracePacket } from './types.js';

/** By which of its addresses a Service port is reached. */
export type FrontendKind = 'cluster IP' | 'external IP' | 'load balancer IP' | 'node port';

export interface Frontend {
  readonly key: string;
  readonly kind: FrontendKind;
  readonly view: PortView;
}

/** The Service port that a packet is for: in the order of the rules, node ports last. */
export function findFrontend(
  { ports }: NodeView,
  packet: TracePacket,
  node: TraceNode,
): Frontend | undefined {
  const { destination, destinationPort } = packet;
  const protocol = packet.protocol.toUpperCase();
  for (const [key, view] of ports) {
    const { service } = view;
    if (service.protocol !== protocol || service.port !== destinationPort) continue;
    if (service.clusterIp === destination) return { key, kind: 'cluster IP', view };
    if (service.externalIps.includes(destination)) return { key, kind: 'external IP', view };
    if (service.loadBalancerIps.includes(destination)) {
      return { key, kind: 'load balancer IP', view };
    }
  }
  if (!node.hasNodePorts(destination)) return undefined;
  for (const [key, view] of ports) {
    const { service } = view;
    if (service.protocol === protocol && service.nodePort === destinationPort) {
      return { key, kind: 'node port', view };
    }
  }
  return undefined;
}

/** Does some Service own the address, whatever the port? */
export function isServiceAddress({ ports }: NodeView, ip: string): boolean {
  for (const { service } of ports.values()) {
    if (service.clusterIp === ip) return true;
    if (service.externalIps.includes(ip) || service.loadBalancerIps.includes(ip)) return true;
  }
  return false;
}
