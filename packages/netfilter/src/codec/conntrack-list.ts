import { cutAt } from '@nodeagent/base';

import type { Flow, FlowProtocol, FlowTuple } from '../model/conntrack.js';

/**
 * Reads `conntrack -L` lines: protocol and number, timeout, then `key=value` words, first of
 * the original direction, then of the answers. Lines of other kinds (the closing count) are left out.
 */
export function parseConntrackList(text: string): Flow[] {
  return text.split('\n').flatMap((line) => {
    const flow = parseFlow(line);
    return flow === undefined ? [] : [flow];
  });
}

function parseFlow(line: string): Flow | undefined {
  const protocol = /^(tcp|udp|sctp)\s/.exec(line)?.[1] as FlowProtocol | undefined;
  if (protocol === undefined) return undefined;
  const pairs = line.split(' ').map((word) => cutAt(word, '='));
  const all = (key: string): string[] =>
    pairs.flatMap(([name, value]) => (name === key && value !== undefined ? [value] : []));
  const words = { src: all('src'), sport: all('sport'), dst: all('dst'), dport: all('dport') };
  const side = (i: 0 | 1): FlowTuple | undefined => {
    const [source, destination] = [words.src[i], words.dst[i]];
    const [sourcePort, destinationPort] = [words.sport[i], words.dport[i]];
    if (source === undefined || destination === undefined) return undefined;
    if (sourcePort === undefined || destinationPort === undefined) return undefined;
    return {
      source,
      sourcePort: Number(sourcePort),
      destination,
      destinationPort: Number(destinationPort),
    };
  };
  const [original, reply] = [side(0), side(1)];
  if (original === undefined || reply === undefined) return undefined;
  const [zone] = [...all('zone'), ...all('zone-orig')];
  return { protocol, original, reply, zone: Number(zone ?? 0), id: undefined };
}
