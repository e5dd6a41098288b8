import type { IpFamily } from '../../model/address.js';
import type { ProxyConfig, ProxyMode } from '../../model/config.js';
import type { NodeView } from '../node-view.js';
import type { ModeTraits, TraceOutcome, TracePacket } from '../trace/types.js';

/** The facts about a node that an explanation needs. */
export interface NodeSketch {
  readonly name: string;
  readonly zone: string | undefined;
  /** All addresses of the host in the family, including loopback, the primary one first. */
  readonly addresses: readonly string[];
  readonly podCidrs: readonly string[];
}

/** A proxy's state, recorded or invented. */
export interface ExplainInput {
  readonly config: ProxyConfig;
  readonly view: NodeView;
  readonly family: IpFamily;
  readonly node: NodeSketch;
}

/** The rules that a packet matches on one of its possible paths. */
export interface RulePath extends TraceOutcome {
  /** `nat KUBE-SERVICES: jump KUBE-SVC-…`, in the order in which they match. */
  readonly path: readonly string[];
}

/** A mode's explanations that need no machine. */
export interface ModeExplainer {
  readonly mode: ProxyMode;
  /**
   * Renders the mode's rules on an empty machine, in pieces, for people and for the mode's own
   * tool.
   */
  render(input: ExplainInput): Iterable<string>;
  /** Describes how the mode differs from others in its treatment of packets. */
  traits(input: ExplainInput): ModeTraits;
  /** Follows the packet through the mode's rules. */
  follow(input: ExplainInput, packet: TracePacket): readonly RulePath[];
}
