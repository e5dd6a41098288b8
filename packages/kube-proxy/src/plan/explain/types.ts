import type { IpFamily } from '../../model/address.js';
import type { ProxyConfig, ProxyMode } from '../../model/config.js';
import type { NodeView } from '../node-view.js';
import type { ModeTraits, TraceOutcome, TracePacket } from '../trace/types.js';

/** A node as far as it need be known to say what a proxy would do on it. */
export interface NodeSketch {
  readonly name: string;
  readonly zone: string | undefined;
  /** All addresses of the host in the family, loopback too, the primary one first. */
  readonly addresses: readonly string[];
  readonly podCidrs: readonly string[];
}

export interface ExplainInput {
  readonly config: ProxyConfig;
  readonly view: NodeView;
  readonly family: IpFamily;
  readonly node: NodeSketch;
}

/** The rules that a packet meets on one of its ways. */
export interface RulePath extends TraceOutcome {
  /** `nat KUBE-SERVICES: jump KUBE-SVC-…`, in the order they match. */
  readonly path: readonly string[];
}

/** What a mode can tell about itself without a machine. */
export interface ModeExplainer {
  readonly mode: ProxyMode;
  /** Pieces of text: what the mode writes on an empty machine, for people and for its own tool. */
  render(input: ExplainInput): Iterable<string>;
  /** How the mode differs from others in what packets meet. */
  traits(input: ExplainInput): ModeTraits;
  /** The packet's ways through the mode's rules. */
  follow(input: ExplainInput, packet: TracePacket): readonly RulePath[];
}
