/** Protocols whose flows have ports at both ends. */
export type FlowProtocol = 'tcp' | 'udp' | 'sctp';

/**
 * One direction of a flow: the addresses and ports in its packets' headers before any translation.
 */
export interface FlowTuple {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** One tracked connection as the kernel sees it on both sides. */
export interface Flow {
  readonly protocol: FlowProtocol;
  /** The direction that the client sends. */
  readonly original: FlowTuple;
  /**
   * The direction of answers: after destination NAT from the real server, after source NAT to the
   * machine.
   */
  readonly reply: FlowTuple;
  /** The zone divides the table into separate tables: 0 unless rules say otherwise. */
  readonly zone: number;
  /** Distinguishes the entry from later ones with the same addresses; undefined when not known. */
  readonly id: number | undefined;
}

/**
 * A flow matches when it has every given value. Addresses are in canonical form, as `inet_ntop`
 * writes them.
 */
export type FlowPattern = { readonly [K in keyof FlowTuple]?: FlowTuple[K] | undefined };

/** Selects flows: a flow must have every given value. */
export interface FlowQuery {
  readonly protocol: FlowProtocol;
  readonly original?: FlowPattern;
  readonly reply?: FlowPattern;
  /**
   * Called last, for each flow while the table is read. Flows that it refuses are not kept, so that
   * selecting a few of a million flows does not take memory for the million.
   */
  readonly where?: (flow: Flow) => boolean;
}

/** True if the flow has the query's protocol and every field that the query names. */
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
