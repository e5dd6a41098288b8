import type { Endpoint } from '../../model/endpoint.js';
import type { LocalTraffic } from '../../model/local-traffic.js';
import type { NodeView } from '../node-view.js';

/** The first packet of a connection. */
export interface TracePacket {
  /** `network`: the packet arrives on an interface; `host`: a program on the node sends it. */
  readonly from: 'network' | 'host';
  /** In lower case. */
  readonly protocol: string;
  /** Canonical, as all addresses here. */
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
  /** Needed only when pods are recognised by their interface. */
  readonly inInterface?: string;
}

/** How the rules of one mode differ from those of others in their treatment of packets. */
export interface ModeTraits {
  /** True when node ports answer on this address. */
  hasNodePorts(ip: string): boolean;
  /** True when the mode serves ports of this protocol, given in lower case. */
  carries(protocol: string): boolean;
  /** False: the proxy itself is the client of every endpoint. */
  readonly keepsSource: boolean;
  /** Several Services may have one external address and port: the first with endpoints serves it. */
  readonly sharedAddresses: boolean;
  /**
   * Other ports of cluster IPs are refused, and packets to unassigned addresses of the service
   * ranges are dropped.
   */
  readonly guardsClusterIps: boolean;
  /**
   * When loadBalancerSourceRanges drop a packet: before anything else, after the search for
   * endpoints but before other Services refuse it, or together with these refusals in the order of
   * the Services.
   */
  readonly firewall: 'first' | 'before refusals' | 'among refusals';
  /**
   * A source range that contains the node's address also admits the load balancer's own address.
   */
  readonly admitsBalancer: boolean;
  /**
   * The node's own packets to external and load balancer addresses that nothing serves are refused.
   */
  readonly refusesToHost: boolean;
  /** A node port that nothing serves is refused on every address of the node. */
  readonly refusesOnEveryAddress: boolean;
  /** Packets to 127.0.0.0/8 from other addresses are dropped. */
  readonly guardsLoopback: boolean;
  /** True when an endpoint that reaches itself sees the node as the sender. */
  masqueradesToItself(endpoint: Endpoint): boolean;
}

/** Traits of the mode and settings of the node that the trace needs in addition to the view. */
export interface TraceNode extends ModeTraits {
  /** Name and zone of this node, for the explanations. */
  readonly nodeName: string;
  readonly zone: string | undefined;
  /** For source ranges; undefined when not known. */
  readonly nodeIp: string | undefined;
  readonly localTraffic: LocalTraffic | undefined;
  readonly masqueradeAll: boolean;
  readonly isOwnAddress: (ip: string) => boolean;
}

export interface TraceInput {
  readonly view: NodeView;
  readonly packet: TracePacket;
  readonly node: TraceNode;
}

/** One possible destination of a packet. */
export interface TraceOutcome {
  readonly verdict: 'accepted' | 'dropped' | 'rejected';
  /** `10.0.0.1:80`; the original destination when no Service took the packet. */
  readonly to: string;
  /** The receiver sees an address of the node instead of the sender's. */
  readonly masqueraded: boolean;
  /** From 0 to 1; all outcomes of a packet together have 1. */
  readonly probability: number;
}

/** The way of one packet through the proxy's decisions. */
export interface Trace {
  /** One sentence per decision, in order. */
  readonly steps: readonly string[];
  readonly outcomes: readonly TraceOutcome[];
}
