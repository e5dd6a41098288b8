import type { Flow } from '../ports.js';

/**
 * Reads `conntrack -L` lines: protocol and number, timeout, then `key=value` words, first of the
 * original direction, then of the answers. Lines of other kinds (the closing count) are left out.
 */
export function parseConntrackList(text: string): Flow[] {
  return text.split('\n').flatMap((line) => {
    const flow = parseFlow(line);
    return flow === undefined ? [] : [flow];
  });
}

function parseFlow(line: string): Flow | undefined {
  const protocol = /^(tcp|udp|sctp)\s/.exec(line)?.[1] as Flow['protocol'] | undefined;
  if (protocol === undefined) return undefined;
  const all = (key: string): string[] =>
    [...line.matchAll(new RegExp(` ${key}=(\\S+)`, 'g'))].map(([, value]) => value ?? '');
  const [source, replySource] = all('src');
  const [destination] = all('dst');
  const [, replyPort] = all('sport');
  const [port] = all('dport');
  if (source === undefined || destination === undefined || replySource === undefined) {
    return undefined;
  }
  return {
    protocol,
    original: { source, destination, destinationPort: Number(port) },
    reply: { source: replySource, sourcePort: Number(replyPort) },
  };
}
