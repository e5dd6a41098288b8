import { isIPv4, isIPv6, SocketAddress } from 'node:net';

import type { Match, Rule, Target } from '../model/iptables.js';
import { HEADER_PROTOCOLS } from '../model/iptables.js';
import { renderRule } from '../render/iptables-rule.js';

const GENERAL: ReadonlySet<Match['kind']> = new Set([
  'source',
  'destination',
  'in-interface',
  'out-interface',
  'protocol',
  'fragment',
]);

/**
 * Two rules with the same key have the same effect, however they are written: the order of `-s`,
 * `-i`, `-p` … and the place of ports do not matter, networks have their host bits cleared,
 * defaults are left out. The words of `other` are compared as they are: write them as
 * `iptables-save` does.
 *
 * @throws {NetfilterError} as `renderRule`
 */
export function ruleKey({ matches, target }: Rule): string {
  const general: Match[] = [];
  const ports: Match[] = [];
  const extensions: Match[] = [];
  for (const match of matches.map(canonical)) {
    if (match.kind === 'source-port' || match.kind === 'destination-port') ports.push(match);
    else if (match.kind === 'protocol') {
      general.push({ ...match, bare: true });
      if (loadsHeader(match)) extensions.push({ kind: 'header', protocol: match.protocol });
    } else if (GENERAL.has(match.kind)) general.push(match);
    else extensions.push(match);
  }
  const at = extensions.findIndex(({ kind }) => kind === 'header');
  const ordered = extensions.toSpliced(at + 1, 0, ...ports.toSorted(byKind));
  const sorted = [...general.toSorted(byKind), ...ordered];
  return renderRule(
    target === undefined ? { matches: sorted } : { matches: sorted, ...to(target) },
  );
}

function to(target: Target): Pick<Rule, 'target'> & { target: Target } {
  const isUsual = target.kind === 'reject' && /^icmp6?-port-unreachable$/.test(target.with ?? '');
  return { target: isUsual ? { kind: 'reject' } : target };
}

function loadsHeader(match: Extract<Match, { kind: 'protocol' }>): boolean {
  return match.bare !== true && match.negated !== true && HEADER_PROTOCOLS.has(match.protocol);
}

function byKind(a: Match, b: Match): number {
  return a.kind < b.kind ? -1 : a.kind === b.kind ? 0 : 1;
}

function canonical(match: Match): Match {
  switch (match.kind) {
    case 'source':
    case 'destination':
      return { ...match, network: canonicalNetwork(match.network) };
    case 'connection-state':
      return { ...match, states: match.states.toSorted() };
    case 'chance':
      return { ...match, probability: Math.round(match.probability * 2 ** 31) / 2 ** 31 };
    default:
      return match;
  }
}

/** Masks that are not prefixes stay as they are, and so does text that is not a network. */
function canonicalNetwork(text: string): string {
  const [address = '', length] = text.split('/');
  const isV4 = isIPv4(address);
  if (!isV4 && !isIPv6(address)) return text;
  const all = isV4 ? 32 : 128;
  const bits = length === undefined ? all : Number(length);
  if (!Number.isInteger(bits)) return text;
  const [width, parts] = isV4 ? [8, octets(address)] : [16, groups(address)];
  const kept = parts.map((part, i) => {
    const keep = Math.min(width, Math.max(0, bits - i * width));
    return part - (part % 2 ** (width - keep));
  });
  const base = isV4 ? kept.join('.') : kept.map((part) => part.toString(16)).join(':');
  const short = isV4 ? base : new SocketAddress({ address: base, family: 'ipv6' }).address;
  return bits === all ? short : `${short}/${bits}`;
}

function octets(address: string): number[] {
  return address.split('.').map(Number);
}

function groups(address: string): number[] {
  // an IPv4 tail stands for two groups
  const at = address.lastIndexOf(':') + 1;
  const last = address.slice(at);
  const [a = 0, b = 0, c = 0, d = 0] = isIPv4(last) ? octets(last) : [];
  const tailGroups = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  const text = isIPv4(last) ? `${address.slice(0, at)}${tailGroups}` : address;
  const [head = '', tail] = text.split('::');
  const split = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  if (tail === undefined) return split(head);
  const [left, right] = [split(head), split(tail)];
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}
