import type { Match, Rule } from '@nodeagent/netfilter';

import { isLoopback } from '../../model/address.js';
import { comment, jump, type PlacedRule } from './dispatch-rules.js';
import { CHAIN, COUNTER } from './names.js';
import type { RuleSettings, SyncSettings } from './settings.js';

export interface StaticChains {
  readonly filter: readonly string[];
  readonly nat: readonly string[];
}

/** Lists the chains that every sync empties and writes again. */
export function staticChains({ localhostNodePorts }: RuleSettings): StaticChains {
  const { services, externalServices, forward, nodePorts, proxyFirewall } = CHAIN;
  const firewall = localhostNodePorts ? [CHAIN.firewall] : [];
  return {
    filter: [services, externalServices, forward, nodePorts, proxyFirewall, ...firewall],
    nat: [services, nodePorts, CHAIN.postrouting, CHAIN.markMasquerade],
  };
}

/** Plans the rules that come before those of the Services. */
export function leadingRules(settings: RuleSettings): Record<'filter' | 'nat', PlacedRule[]> {
  const { masqueradeMark: mark, randomFully } = settings;
  const unmarked: Match = { kind: 'mark', value: mark, mask: mark, negated: true };
  const masquerade: Rule = {
    matches: [comment('kubernetes service traffic requiring SNAT')],
    target: randomFully ? { kind: 'masquerade', randomFully } : { kind: 'masquerade' },
  };
  const setMark = (mask: number): Rule => ({
    matches: [],
    target: { kind: 'set-mark', value: mark, mask },
  });
  return {
    filter: settings.localhostNodePorts ? [{ chain: CHAIN.firewall, rule: martianRule() }] : [],
    nat: [
      {
        chain: CHAIN.postrouting,
        rule: { matches: [unmarked], target: { kind: 'return' } },
      },
      // clears the mark, so that the packet may pass masquerade rules of other programs
      { chain: CHAIN.postrouting, rule: setMark(0) },
      { chain: CHAIN.postrouting, rule: masquerade },
      { chain: CHAIN.markMasquerade, rule: setMark(mark) },
    ],
  };
}

/** With route_localnet on, other hosts on the network could reach services bound to 127.0.0.1. */
function martianRule(): Rule {
  const loopback = '127.0.0.0/8';
  const states = ['RELATED', 'ESTABLISHED', 'DNAT'] as const;
  return {
    matches: [
      comment('block incoming localnet connections'),
      { kind: 'destination', network: loopback },
      { kind: 'source', network: loopback, negated: true },
      { kind: 'connection-state', states, negated: true },
    ],
    target: { kind: 'drop' },
  };
}

/** Plans the rules that come after those of the Services. */
export function closingRules(settings: SyncSettings): Record<'filter' | 'nat', PlacedRule[]> {
  return {
    filter: forwardRules(settings).map((rule) => ({ chain: CHAIN.forward, rule })),
    nat: nodePortJumps(settings).map((rule) => ({ chain: CHAIN.services, rule })),
  };
}

function nodePortJumps({ family, nodePortIps, localhostNodePorts }: SyncSettings): Rule[] {
  const about = comment(
    'kubernetes service nodeports; NOTE: this must be the last rule in this chain',
  );
  if (nodePortIps !== 'all') {
    return nodePortIps
      .filter((ip) => localhostNodePorts || !isLoopback(ip))
      .map((ip) => jump(CHAIN.nodePorts, about, { kind: 'destination', network: ip }));
  }
  const loopback = family === 'IPv6' ? '::1/128' : '127.0.0.0/8';
  const notLoopback: Match = { kind: 'destination', network: loopback, negated: true };
  const except = localhostNodePorts ? [] : [notLoopback];
  const local: Match = { kind: 'destination-type', type: 'LOCAL' };
  return [jump(CHAIN.nodePorts, about, local, ...except)];
}

function forwardRules({ dropInvalid, counters, masqueradeMark: mark }: SyncSettings): Rule[] {
  const invalid: Match = { kind: 'connection-state', states: ['INVALID'] };
  const count: Match[] = counters.invalidDropped
    ? [{ kind: 'count', counter: COUNTER.invalidDropped }]
    : [];
  const drop: Rule = { matches: [invalid, ...count], target: { kind: 'drop' } };
  const marked: Rule = {
    matches: [comment('kubernetes forwarding rules'), { kind: 'mark', value: mark, mask: mark }],
    target: { kind: 'accept' },
  };
  const known: Rule = {
    matches: [
      comment('kubernetes forwarding conntrack rule'),
      { kind: 'connection-state', states: ['RELATED', 'ESTABLISHED'] },
    ],
    target: { kind: 'accept' },
  };
  return [...(dropInvalid ? [drop] : []), marked, known];
}

/** Counts the rules that do not depend on Services. */
export function countStaticRules(settings: SyncSettings): Record<'filter' | 'nat', number> {
  const [first, last] = [leadingRules(settings), closingRules(settings)];
  return {
    filter: first.filter.length + last.filter.length,
    nat: first.nat.length + last.nat.length,
  };
}
