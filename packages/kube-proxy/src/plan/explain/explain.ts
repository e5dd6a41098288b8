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

/** The decisions of the proxy, and the paths through the rules that it would write. */
export interface Explanation extends Trace {
  /** The packet's paths according to the mode's own rules. */
  readonly rules: readonly RulePath[];
}

/**
 * Explains where a packet would go and why: first from the promises of the Services, then from the
 * mode's rules.
 *
 * @throws {ProxyError} `PROXY_EXPLAIN` for a mode that has no text form
 * @example
 * ```ts
 * import { parseProxyConfig } from '@nodeagent/kube-proxy';
 * import { buildView, explainPacket } from '@nodeagent/kube-proxy/explain';
 *
 * const { config } = parseProxyConfig({ clusterCIDR: '10.244.0.0/16' }, 'example');
 * const web = {
 *   metadata: { namespace: 'default', name: 'web' },
 *   spec: { clusterIP: '10.96.0.10', ports: [{ port: 80, protocol: 'TCP' }] },
 * };
 * const node = { name: 'a', zone: undefined, addresses: ['192.168.0.2'], podCidrs: [] };
 * const topology = { nodeName: node.name, zone: node.zone };
 * const view = buildView({ services: [web], slices: [] }, 'IPv4', topology);
 * const { outcomes } = explainPacket(
 *   { config, view, family: 'IPv4', node },
 *   {
 *     from: 'network',
 *     protocol: 'tcp',
 *     source: '192.168.0.99',
 *     destination: '10.96.0.10',
 *     destinationPort: 80,
 *   },
 * );
 * console.log(outcomes.map(({ verdict }) => verdict).join()); // rejected
 * ```
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
