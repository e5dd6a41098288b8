import type { NodeView, PortView } from '../node-view.js';
import type { TraceNode, TracePacket } from './types.js';

/** The kind of address at which a Service port is reached. */
export type FrontendKind = 'cluster IP' | 'external IP' | 'load balancer IP' | 'node port';

export interface Frontend {
  readonly key: string;
  readonly kind: FrontendKind;
  readonly view: PortView;
  /** False for a node port that does not answer on this address of the node. */
  readonly answers: boolean;
}

/**
 * Returns the Service ports that a packet is for, in the order of the rules: node ports last. There
 * is more than one when Services share an external or load balancer address and a port; modes whose
 * rules are maps know only the first.
 */
export function findFrontends(
  { ports }: NodeView,
  packet: TracePacket,
  node: TraceNode,
): readonly Frontend[] {
  const { destination, destinationPort } = packet;
  const protocol = packet.protocol.toUpperCase();
  const found: Frontend[] = [];
  for (const [key, view] of ports) {
    const { service } = view;
    if (service.protocol !== protocol || service.port !== destinationPort) continue;
    const kind = kindOf(view, destination);
    if (kind !== undefined) found.push({ key, kind, view, answers: true });
  }
  const addressed = node.sharedAddresses ? found : found.slice(0, 1);
  if (!node.isOwnAddress(destination)) return addressed;
  const answers = node.hasNodePorts(destination);
  for (const [key, view] of ports) {
    const { service } = view;
    if (service.protocol !== protocol || service.nodePort !== destinationPort) continue;
    return [...addressed, { key, kind: 'node port', view, answers }];
  }
  return addressed;
}

function kindOf({ service }: PortView, destination: string): FrontendKind | undefined {
  if (service.clusterIp === destination) return 'cluster IP';
  if (service.externalIps.includes(destination)) return 'external IP';
  return service.loadBalancerIps.includes(destination) ? 'load balancer IP' : undefined;
}

/** Returns the kind of an address that belongs to a Service, whatever the port. */
export function ownerOf(
  { ports }: NodeView,
  ip: string,
): 'a cluster IP' | 'an external address' | undefined {
  let found: 'an external address' | undefined;
  for (const { service } of ports.values()) {
    if (service.clusterIp === ip) return 'a cluster IP';
    if (service.externalIps.includes(ip) || service.loadBalancerIps.includes(ip)) {
      found = 'an external address';
    }
  }
  return found;
}
