import type { LocalTraffic } from '../../model/local-traffic.js';

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

/** What a mode and the node's settings add to the view. */
export interface TraceNode {
  /** This node's zone and name, for reasons. */
  readonly nodeName: string;
  readonly zone: string | undefined;
  /** For source ranges; undefined: not known. */
  readonly nodeIp: string | undefined;
  readonly localTraffic: LocalTraffic | undefined;
  readonly masqueradeAll: boolean;
  isOwnAddress(ip: string): boolean;
  /** Do node ports answer on this address? */
  hasNodePorts(ip: string): boolean;
  /** What becomes of packets to other ports of Services' addresses. */
  readonly otherPorts: 'passed' | 'refused';
  /** Does the mode serve ports of this protocol, in lower case? */
  carries(protocol: string): boolean;
  /** False: the proxy itself is the client of every endpoint. */
  readonly keepsSource: boolean;
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
