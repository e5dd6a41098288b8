import {
  type Endpoint,
  endpointText,
  has,
  LOCAL,
  READY,
  SERVING,
  TERMINATING,
} from '../../model/endpoint.js';
import type { TraceNode } from './types.js';

export interface Choice {
  readonly all: readonly Endpoint[];
  readonly chosen: readonly Endpoint[];
  /** Only endpoints on this node may be chosen. */
  readonly localOnly: boolean;
}

/** Returns one sentence per endpoint: why it may get the packet, or why not. */
export function explainEndpoints(choice: Choice, node: TraceNode): readonly string[] {
  const chosen = new Set(choice.chosen.map(endpointText));
  return choice.all.map((endpoint) => {
    const text = endpointText(endpoint);
    const state = stateOf(endpoint);
    return chosen.has(text)
      ? `  ${text} (${state}) may get it`
      : `  ${text} (${state}) does not: ${whyNot(endpoint, choice, node)}`;
  });
}

function stateOf(endpoint: Endpoint): string {
  const words = [
    has(endpoint, READY) ? 'ready' : has(endpoint, SERVING) ? 'serving' : 'not ready',
    ...(has(endpoint, TERMINATING) ? ['terminating'] : []),
    ...(has(endpoint, LOCAL) ? ['on this node'] : []),
  ];
  return words.join(', ');
}

function whyNot(endpoint: Endpoint, { chosen, localOnly }: Choice, node: TraceNode): string {
  if (localOnly && !has(endpoint, LOCAL)) return 'it is not on this node';
  if (!has(endpoint, READY)) {
    const usable = has(endpoint, SERVING | TERMINATING);
    return usable && chosen.length > 0 ? 'others are ready' : 'it cannot answer';
  }
  const { hints } = endpoint;
  if (hints === undefined) return 'it has no hints, others have';
  if (hints.nodes.length > 0 && !hints.nodes.includes(node.nodeName)) {
    return `its hints are for nodes ${hints.nodes.join(', ')}`;
  }
  return `its hints are for zones ${hints.zones.join(', ')}, this node is in ${node.zone ?? 'none'}`;
}
