import type { Match, PlacedRule, RestoreTable, Rule } from '@nodeagent/netfilter';
import { renderAppend } from '@nodeagent/netfilter';

import type { LocalTraffic } from '../../model/local-traffic.js';
import { fromLocalTraffic } from '../iptables/settings.js';
import type { Forwarding, ForwardingSettings, GuardedAddress } from './forwarding.js';
import { setComment, type SetId, setName } from './sets.js';

export interface IpvsRuleSettings extends ForwardingSettings {
  /** A mask with one bit. */
  readonly masqueradeMark: number;
  readonly masqueradeAll: boolean;
  readonly randomFully: boolean;
  readonly localTraffic: LocalTraffic | undefined;
}

const CHAIN = {
  services: 'KUBE-SERVICES',
  postrouting: 'KUBE-POSTROUTING',
  nodePort: 'KUBE-NODE-PORT',
  loadBalancer: 'KUBE-LOAD-BALANCER',
  markMasquerade: 'KUBE-MARK-MASQ',
  forward: 'KUBE-FORWARD',
  firewall: 'KUBE-PROXY-FIREWALL',
  sourceRanges: 'KUBE-SOURCE-RANGES-FIREWALL',
  filter: 'KUBE-IPVS-FILTER',
  outFilter: 'KUBE-IPVS-OUT-FILTER',
} as const;

/** Chains that ipvs mode writes again at each sync. */
export const IPVS_CHAINS = {
  nat: [
    CHAIN.services,
    CHAIN.postrouting,
    CHAIN.nodePort,
    CHAIN.loadBalancer,
    CHAIN.markMasquerade,
  ],
  filter: [
    CHAIN.forward,
    CHAIN.nodePort,
    CHAIN.firewall,
    CHAIN.sourceRanges,
    CHAIN.filter,
    CHAIN.outFilter,
  ],
} as const;

const JUMP_ROWS = [
  ['nat', 'OUTPUT', CHAIN.services, 'kubernetes service portals'],
  ['nat', 'PREROUTING', CHAIN.services, 'kubernetes service portals'],
  ['nat', 'POSTROUTING', CHAIN.postrouting, 'kubernetes postrouting rules'],
  ['filter', 'FORWARD', CHAIN.forward, 'kubernetes forwarding rules'],
  ['filter', 'INPUT', CHAIN.nodePort, 'kubernetes health check rules'],
  ['filter', 'INPUT', CHAIN.firewall, 'kube-proxy firewall rules'],
  ['filter', 'FORWARD', CHAIN.firewall, 'kube-proxy firewall rules'],
  ['filter', 'INPUT', CHAIN.filter, 'kubernetes ipvs access filter'],
  ['filter', 'OUTPUT', CHAIN.outFilter, 'kubernetes ipvs access filter'],
] as const;

/**
 * Jumps from the kernel's hooks into the chains of ipvs mode, in the order in which they are
 * inserted.
 */
export const IPVS_JUMPS: readonly PlacedRule[] = JUMP_ROWS.map(([table, chain, to, text]) => ({
  table,
  chain,
  rule: { matches: [{ kind: 'comment', text }], target: { kind: 'jump', chain: to } },
}));

const RETURN: Rule['target'] = { kind: 'return' };
const ACCEPT: Rule['target'] = { kind: 'accept' };
const jump = (chain: string): Rule['target'] => ({ kind: 'jump', chain });

/**
 * Plans all rules of ipvs mode. They match sets, so they do not change when Services come and go,
 * except for the few about guarded load balancer addresses.
 *
 * @see Kubernetes 1.36 pkg/proxy/ipvs/proxier.go, writeIptablesRules
 */
export function planIpvsRules(
  forwarding: Forwarding,
  settings: IpvsRuleSettings,
): readonly RestoreTable[] {
  const rules = new RuleWriter(forwarding, settings);
  rules.natRules();
  rules.filterRules(forwarding.guarded);
  return [
    { name: 'nat', chains: IPVS_CHAINS.nat, lines: rules.nat },
    { name: 'filter', chains: IPVS_CHAINS.filter, lines: rules.filter },
  ];
}

class RuleWriter {
  readonly nat: string[] = [];
  readonly filter: string[] = [];
  readonly #sets: Forwarding['sets'];
  readonly #settings: IpvsRuleSettings;

  constructor({ sets }: Forwarding, settings: IpvsRuleSettings) {
    this.#sets = sets;
    this.#settings = settings;
  }

  natRules(): void {
    const { family } = this.#settings;
    const network = family === 'IPv4' ? '127.0.0.0/8' : '::1/128';
    this.#nat(CHAIN.services, [{ kind: 'source', network }], RETURN);
    this.#withSet('loopBack', 'dst,dst,src', (matches) => {
      this.#nat(CHAIN.postrouting, matches, this.#masquerade());
    });
    this.#withSet('loadBalancer', 'dst,dst', (matches) => {
      this.#nat(CHAIN.services, matches, jump(CHAIN.loadBalancer));
    });
    this.#withSet('loadBalancerLocal', 'dst,dst', (matches) => {
      this.#nat(CHAIN.loadBalancer, matches, RETURN);
    });
    this.#nodePortRules();
    this.#clusterIpRules();
    this.#externalIpRules();
    const local: Match = { kind: 'destination-type', type: 'LOCAL' };
    this.#nat(CHAIN.services, [local], jump(CHAIN.nodePort));
    this.#nat(CHAIN.loadBalancer, [], jump(CHAIN.markMasquerade));
    for (const id of ['clusterIp', 'loadBalancer'] as const) {
      if (this.#has(id)) this.#nat(CHAIN.services, [this.#inSet(id, 'dst,dst')], ACCEPT);
    }
    this.#masqueradeRules();
  }

  filterRules(guarded: readonly GuardedAddress[]): void {
    const { masqueradeMark: mark } = this.#settings;
    this.#withSet('loadBalancerFirewall', 'dst,dst', (matches) => {
      this.#filter(CHAIN.firewall, matches, jump(CHAIN.sourceRanges));
    });
    for (const id of ['loadBalancerSourceCidr', 'loadBalancerSourceIp'] as const) {
      this.#withSet(id, 'dst,dst,src', (matches) => {
        this.#filter(CHAIN.sourceRanges, matches, RETURN);
      });
    }
    this.#filter(CHAIN.sourceRanges, [], { kind: 'drop' });
    for (const address of guarded) {
      this.#filter(CHAIN.outFilter, answersOf(address), { kind: 'drop' });
    }
    const marked: Match = { kind: 'mark', value: mark, mask: mark };
    this.#filter(CHAIN.forward, [comment('kubernetes forwarding rules'), marked], ACCEPT);
    const known: Match = { kind: 'connection-state', states: ['RELATED', 'ESTABLISHED'] };
    this.#filter(CHAIN.forward, [comment('kubernetes forwarding conntrack rule'), known], ACCEPT);
    const health = this.#inSet('healthCheckNodePort', 'dst');
    this.#filter(CHAIN.nodePort, [comment(setComment('healthCheckNodePort')), health], ACCEPT);
    for (const id of ['loadBalancer', 'clusterIp', 'externalIp', 'externalIpLocal'] as const) {
      this.#filter(CHAIN.filter, [this.#inSet(id, 'dst,dst')], RETURN);
    }
    this.#filter(CHAIN.filter, [health], RETURN);
    const isNew: Match = { kind: 'connection-state', states: ['NEW'] };
    this.#filter(CHAIN.filter, [isNew, this.#inSet('ipvsIps', 'dst')], { kind: 'reject' });
  }

  #nodePortRules(): void {
    const rows = [
      ['tcp', 'nodePortLocalTcp', 'nodePortTcp', 'dst'],
      ['udp', 'nodePortLocalUdp', 'nodePortUdp', 'dst'],
      ['sctp', 'nodePortLocalSctp', 'nodePortSctp', 'dst,dst'],
    ] as const;
    for (const [protocol, local, any, direction] of rows) {
      const only: Match = { kind: 'protocol', protocol };
      this.#withSet(local, direction, (matches) => {
        this.#nat(CHAIN.nodePort, [only, ...matches], RETURN);
      });
      this.#withSet(any, direction, (matches) => {
        this.#nat(CHAIN.nodePort, [only, ...matches], jump(CHAIN.markMasquerade));
      });
    }
  }

  #clusterIpRules(): void {
    const { masqueradeAll, localTraffic } = this.#settings;
    // when pods cannot be recognised, only the node's own packets, which have a service address as
    // source
    const direction = masqueradeAll || localTraffic !== undefined ? 'dst,dst' : 'src,dst';
    this.#withSet('clusterIp', direction, (matches) => {
      const foreign =
        masqueradeAll || localTraffic === undefined ? [] : [fromLocalTraffic(localTraffic, true)];
      this.#nat(CHAIN.services, [...matches, ...foreign], jump(CHAIN.markMasquerade));
    });
  }

  #externalIpRules(): void {
    this.#withSet('externalIp', 'dst,dst', (matches) => {
      this.#nat(CHAIN.services, matches, jump(CHAIN.markMasquerade));
    });
    for (const id of ['externalIp', 'externalIpLocal'] as const) {
      this.#withSet(id, 'dst,dst', (matches) => {
        const arrives: readonly Match[] = [
          { kind: 'other', args: ['-m', 'physdev', '!', '--physdev-is-in'] },
          { kind: 'other', args: ['-m', 'addrtype', '!', '--src-type', 'LOCAL'] },
        ];
        this.#nat(CHAIN.services, [...matches, ...arrives], ACCEPT);
        const local: Match = { kind: 'destination-type', type: 'LOCAL' };
        this.#nat(CHAIN.services, [...matches, local], ACCEPT);
      });
    }
  }

  #masqueradeRules(): void {
    const { masqueradeMark: mark } = this.#settings;
    const unmarked: Match = { kind: 'mark', value: mark, mask: mark, negated: true };
    const setMark = (mask: number): Rule['target'] => ({ kind: 'set-mark', value: mark, mask });
    this.#nat(CHAIN.postrouting, [unmarked], RETURN);
    this.#nat(CHAIN.postrouting, [], setMark(0));
    const why = comment('kubernetes service traffic requiring SNAT');
    this.#nat(CHAIN.postrouting, [why], this.#masquerade(this.#settings.randomFully));
    this.#nat(CHAIN.markMasquerade, [], setMark(mark));
  }

  #masquerade(randomFully = false): Rule['target'] {
    return randomFully ? { kind: 'masquerade', randomFully } : { kind: 'masquerade' };
  }

  #has(id: SetId): boolean {
    return this.#sets[id].size > 0;
  }

  #inSet(id: SetId, direction: string): Match {
    const name = setName(id, this.#settings.family);
    return { kind: 'other', args: ['-m', 'set', '--match-set', name, direction] };
  }

  /** Rules about a set exist only while it has entries. */
  #withSet(id: SetId, direction: string, write: (matches: readonly Match[]) => void): void {
    if (this.#has(id)) write([comment(setComment(id)), this.#inSet(id, direction)]);
  }

  #nat(chain: string, matches: readonly Match[], target: Rule['target']): void {
    this.nat.push(line(chain, matches, target));
  }

  #filter(chain: string, matches: readonly Match[], target: Rule['target']): void {
    this.filter.push(line(chain, matches, target));
  }
}

/** Matches packets that the address itself sends through the virtual server. */
function answersOf({ ip, port, protocol }: GuardedAddress): readonly Match[] {
  const args = ['-m', 'ipvs', '--vaddr', ip, '--vproto', protocol, '--vport', String(port)];
  return [
    { kind: 'source', network: ip },
    { kind: 'other', args },
  ];
}

function comment(text: string): Match {
  return { kind: 'comment', text };
}

function line(chain: string, matches: readonly Match[], target: Rule['target']): string {
  const rule = target === undefined ? { matches } : { matches, target };
  return `${renderAppend(chain, rule)}\n`;
}
