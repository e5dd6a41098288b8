/** Protocols whose flows have ports at both ends. */
export type FlowProtocol = 'tcp' | 'udp' | 'sctp';

/** One direction of a flow: what is in the headers of its packets before any translation. */
export interface FlowTuple {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** One tracked connection as the kernel sees it on both sides. */
export interface Flow {
  readonly protocol: FlowProtocol;
  /** As the client sends. */
  readonly original: FlowTuple;
  /** As answers come: after destination NAT from the real server, after source NAT to the machine. */
  readonly reply: FlowTuple;
  /** Tables in the table, apart from each other: 0 unless rules say otherwise. */
  readonly zone: number;
  /** Distinguishes the entry from later ones of the same addresses; undefined: not known. */
  readonly id: number | undefined;
}

/** What is given must be so; addresses in canonical form, as `inet_ntop` writes them. */
export type FlowPattern = { readonly [K in keyof FlowTuple]?: FlowTuple[K] | undefined };

/** Which flows: what is given must be so. */
export interface FlowQuery {
  readonly protocol: FlowProtocol;
  readonly original?: FlowPattern;
  readonly reply?: FlowPattern;
  /**
   * Asked last, for each flow while the table is read: what it refuses is not kept, so that a few of
   * a million flows cost no memory for the million.
   */
  readonly where?: (flow: Flow) => boolean;
}

/** Whether a flow is one of those. */
export function matchesFlow(flow: Flow, query: FlowQuery): boolean {
  return (
    flow.protocol === query.protocol &&
    matchesTuple(flow.original, query.original) &&
    matchesTuple(flow.reply, query.reply) &&
    (query.where === undefined || query.where(flow))
  );
}

function matchesTuple(tuple: FlowTuple, wanted: FlowPattern | undefined): boolean {
  if (wanted === undefined) return true;
  const { source, sourcePort, destination, destinationPort } = wanted;
  return (
    (source === undefined || source === tuple.source) &&
    (sourcePort === undefined || sourcePort === tuple.sourcePort) &&
    (destination === undefined || destination === tuple.destination) &&
    (destinationPort === undefined || destinationPort === tuple.destinationPort)
  );
}
