import { NetfilterError } from '../model/errors.js';
import type { NftNeeds } from '../model/nft-fields.js';
import type { NftMatch } from '../model/nft-steps.js';
import { nftTypeRow } from '../model/nft-types.js';
import type { NftFamily, NftStep } from '../model/nftables.js';

/** The steps so far say this about the packets that get here. */
export interface RuleContext {
  readonly network?: 'ip' | 'ip6' | 'arp';
  readonly transport?: number;
  readonly link?: 'ether';
}

export function startContext(family: NftFamily): RuleContext {
  if (family === 'ip' || family === 'ip6' || family === 'arp') return { network: family };
  return family === 'inet' ? {} : { link: 'ether' };
}

/**
 * Returns the matches without which a field means nothing, as `nft` adds them.
 *
 * @param where names the field in errors
 * @throws {NetfilterError} `NETFILTER_VALUE` when no packet that gets here has such a field
 */
export function missingMatches(
  needs: NftNeeds,
  context: RuleContext,
  family: NftFamily,
  where: string,
): readonly NftMatch[] {
  const matches: NftMatch[] = [];
  const { network, transport, link } = needs;
  if (link !== undefined && context.link === undefined) {
    matches.push({ kind: 'match', field: 'iiftype', value: 'ether' });
  }
  if (network !== undefined && context.network !== network) {
    if (context.network !== undefined) throw conflict(where, context.network);
    matches.push(networkMatch(network, family));
  }
  if (transport !== undefined && context.transport !== transport) {
    if (context.transport !== undefined) {
      throw conflict(where, `of protocol ${protocolName(context.transport)}`);
    }
    matches.push({ kind: 'match', field: 'meta l4proto', value: protocolName(transport) });
  }
  return matches;
}

/** Returns what is known after this step. */
export function learn(context: RuleContext, step: NftStep): RuleContext {
  if (step.kind === 'protocol') {
    const transport = protocolNumberOf(step.protocol);
    return transport === undefined ? context : { ...context, transport };
  }
  if (step.kind !== 'match' || step.value === undefined || step.mask !== undefined) return context;
  if (step.op !== undefined && step.op !== '==') return context;
  const value = String(step.value);
  switch (step.field) {
    case 'meta nfproto':
      if (value === 'ipv4') return { ...context, network: 'ip' };
      return value === 'ipv6' ? { ...context, network: 'ip6' } : context;
    case 'meta protocol':
    case 'ether type':
      return value === 'ip' || value === 'ip6' || value === 'arp'
        ? { ...context, network: value }
        : context;
    case 'meta l4proto':
    case 'ip protocol':
    case 'ip6 nexthdr':
    case 'protocol': {
      const transport = protocolNumberOf(value);
      return transport === undefined ? context : { ...context, transport };
    }
    case 'iiftype':
      return value === 'ether' ? { ...context, link: 'ether' } : context;
    default:
      return context;
  }
}

function networkMatch(network: 'ip' | 'ip6' | 'arp', family: NftFamily): NftMatch {
  if (family !== 'inet') return { kind: 'match', field: 'meta protocol', value: network };
  if (network === 'arp') {
    throw new NetfilterError('NETFILTER_VALUE', 'nft: arp fields: not in family inet');
  }
  const value = network === 'ip' ? 'ipv4' : 'ipv6';
  return { kind: 'match', field: 'meta nfproto', value };
}

const PROTOCOLS = nftTypeRow('inet_proto').symbols ?? {};

function protocolNumberOf(text: string): number | undefined {
  const number = Object.hasOwn(PROTOCOLS, text) ? PROTOCOLS[text] : Number(text);
  return Number.isInteger(number) ? number : undefined;
}

function protocolName(number: number): string {
  const found = Object.entries(PROTOCOLS).find(([, value]) => value === number);
  return found?.[0] ?? String(number);
}

function conflict(where: string, what: string): NetfilterError {
  const message = `nft: ${where}: this step sees only packets ${what.startsWith('of') ? what : `of ${what}`}`;
  return new NetfilterError('NETFILTER_VALUE', message);
}
