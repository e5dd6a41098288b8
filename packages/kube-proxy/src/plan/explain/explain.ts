import { isLoopback } from '../../model/address.js';
import type { ProxyMode } from '../../model/config.js';
import { ProxyError } from '../../model/errors.js';
import { detectLocal } from '../detect-local.js';
import { tracePacket } from '../trace/trace-packet.js';
import type { Trace, TracePacket } from '../trace/types.js';
import { IPTABLES_EXPLAINER } from './iptables.js';
import { NFTABLES_EXPLAINER } from './nftables.js';
import type { ExplainInput, ModeExplainer, RulePath } from './types.js';
import { USERSPACE_EXPLAINER } from './userspace.js';

/** Modes that can be explained without a machine. */
const EXPLAINERS: readonly ModeExplainer[] = [
  IPTABLES_EXPLAINER,
  NFTABLES_EXPLAINER,
  USERSPACE_EXPLAINER,
];

/**
 * Renders the rules that a mode would write on an empty machine, for one family, in pieces.
 *
 * @throws {ProxyError} `PROXY_EXPLAIN` for a mode that has no text form
 */
export function renderMode(input: ExplainInput): Iterable<string> {
  return explainerOf(input.config.mode).render(input);
}

export interface Explanation extends Trace {
  /** The packet's paths according to the mode's own rules. */
  readonly rules: readonly RulePath[];
}

/**
 * Explains where a packet would go and why: first from the promises of the Services, then from the
 * mode's rules.
 *
 * @throws {ProxyError} `PROXY_EXPLAIN` for a mode that has no text form
 */
export function explainPacket(input: ExplainInput, packet: TracePacket): Explanation {
  const { config, view, family, node } = input;
  const explainer = explainerOf(config.mode);
  const own = new Set(node.addresses);
  const trace = tracePacket(view, packet, {
    ...explainer.traits(input),
    nodeName: node.name,
    zone: node.zone,
    nodeIp: node.addresses.find((ip) => !isLoopback(ip)),
    localTraffic: detectLocal(config, node.podCidrs, family),
    masqueradeAll: config.masqueradeAll,
    isOwnAddress: (ip) => own.has(ip) || isLoopback(ip),
  });
  return { ...trace, rules: explainer.follow(input, packet) };
}

function explainerOf(mode: ProxyMode): ModeExplainer {
  const found = EXPLAINERS.find((one) => one.mode === mode);
  if (found !== undefined) return found;
  const known = EXPLAINERS.map((one) => one.mode).join(', ');
  const message = `mode ${mode} cannot be shown without a machine; these can: ${known}`;
  throw new ProxyError('PROXY_EXPLAIN', message);
}
