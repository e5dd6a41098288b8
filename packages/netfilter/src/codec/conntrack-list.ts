import { cutAt } from '@nodeagent/base';

import type { Flow, FlowProtocol, FlowTuple } from '../model/conntrack.js';

/**
 * Reads `conntrack -L` lines: protocol and number, timeout, then `key=value` words, first for the
 * original direction, then for the answers. Skips lines of other kinds (the closing count) and
 * lines whose ports or zone do not fit 16 bits.
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
    const ports = [number16(sourcePort), number16(destinationPort)] as const;
    if (ports[0] === undefined || ports[1] === undefined) return undefined;
    return { source, sourcePort: ports[0], destination, destinationPort: ports[1] };
  };
  const [original, reply] = [side(0), side(1)];
  if (original === undefined || reply === undefined) return undefined;
  const [zone] = [...all('zone'), ...all('zone-orig')].map(number16).concat(0);
  if (zone === undefined) return undefined;
  return { protocol, original, reply, zone, id: undefined };
}

function number16(text: string): number | undefined {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return value <= 0xffff ? value : undefined;
}
