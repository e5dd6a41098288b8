import type { Endpoint } from '../../model/endpoint.js';
import type { LocalTraffic } from '../../model/local-traffic.js';
import type { NodeView } from '../node-view.js';

/** The first packet of a connection. */
export interface TracePacket {
  /** `network`: it arrives on an interface; `host`: a program on the node sends it. */
  readonly from: 'network' | 'host';
  /** Lower case. */
  readonly protocol: string;
  /** Canonical, as all addresses. */
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
  /** Only where pods are told by their interface. */
  readonly inInterface?: string;
}

/** How the rules of one mode differ from those of others in what a packet meets. */
export interface ModeTraits {
  /** Do node ports answer on this address? */
  hasNodePorts(ip: string): boolean;
  /** Does the mode serve ports of this protocol, in lower case? */
  carries(protocol: string): boolean;
  /** False: the proxy itself is the client of every endpoint. */
  readonly keepsSource: boolean;
  /** Several Services may have one external address and port: the first with endpoints serves it. */
  readonly sharedAddresses: boolean;
  /**
   * Other ports of cluster IPs are refused, and addresses of the service ranges that no Service has
   * are dropped.
   */
  readonly guardsClusterIps: boolean;
  /**
   * When loadBalancerSourceRanges drop a packet: before anything else, after the search for endpoints
   * but before other Services refuse it, or with these in the order of the Services.
   */
  readonly firewall: 'first' | 'before refusals' | 'among refusals';
  /** A source range that holds the node admits the load balancer's own address, too. */
  readonly admitsBalancer: boolean;
  /** The node itself is refused external and load balancer addresses that nothing serves. */
  readonly refusesToHost: boolean;
  /** A node port that nothing serves is refused on every address of the node. */
  readonly refusesOnEveryAddress: boolean;
  /** Packets to 127.0.0.0/8 that do not come from there are dropped. */
  readonly guardsLoopback: boolean;
  /** Does an endpoint that reaches itself see the node as the sender? */
  masqueradesToItself(endpoint: Endpoint): boolean;
}

/** What a mode and the node's settings add to the view. */
export interface TraceNode extends ModeTraits {
  /** This node's zone and name, for reasons. */
  readonly nodeName: string;
  readonly zone: string | undefined;
  /** For source ranges; undefined: not known. */
  readonly nodeIp: string | undefined;
  readonly localTraffic: LocalTraffic | undefined;
  readonly masqueradeAll: boolean;
  isOwnAddress(ip: string): boolean;
}

export interface TraceInput {
  readonly view: NodeView;
  readonly packet: TracePacket;
  readonly node: TraceNode;
}

/** One way that a packet may go. */
export interface TraceOutcome {
  readonly verdict: 'accepted' | 'dropped' | 'rejected';
  /** `10.0.0.1:80`; where it was sent to, when no Service took it. */
  readonly to: string;
  /** The receiver sees an address of the node instead of the sender's. */
  readonly masqueraded: boolean;
  /** 0 to 1; all of a packet's outcomes together 1. */
  readonly probability: number;
}

export interface Trace {
  /** In the order of decisions, each one sentence. */
  readonly steps: readonly string[];
  readonly outcomes: readonly TraceOutcome[];
}
