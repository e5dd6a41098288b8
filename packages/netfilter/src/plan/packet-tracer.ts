import { isIPv6 } from 'node:net';

import type { Chain, Match, Rule, Table, TableName, Target } from '../model/iptables.js';
import { PROTOCOL_NUMBERS } from '../model/nftables.js';
import { networkContains } from './network-contains.js';

/** The first packet of a connection. */
export interface Packet {
  /** `network`: the packet arrives on an interface; `host`: a program of this host sends it. */
  readonly from: 'network' | 'host';
  readonly protocol: string;
  readonly source: string;
  readonly destination: string;
  /** Needed only when a rule matches it. */
  readonly sourcePort?: number;
  readonly destinationPort: number;
  readonly inInterface?: string;
}

/** The machine that a traced packet passes. */
export interface Host {
  /**
   * The host's own addresses; loopback addresses belong to it without being listed. A redirected
   * packet from the network is assumed to arrive at the first one.
   */
  readonly addresses: readonly string[];
  /** Names of `recent` lists that hold the packet's source. */
  readonly remembered?: readonly string[];
}

/** One possible way of the packet. */
export interface Outcome {
  readonly verdict: 'accepted' | 'dropped' | 'rejected';
  /** The packet's final destination: `10.0.0.1:80`, `[fd00::1]:80`. */
  readonly to: string;
  /** The receiver sees this host's address instead of the sender's. */
  readonly masqueraded: boolean;
  /** Probability of this outcome over all random matches on the way. */
  readonly probability: number;
  /** Rules that matched: `nat KUBE-SERVICES: jump KUBE-SVC-…`. */
  readonly path: readonly string[];
}

/**
 * Follows a packet through the rules, once for every random decision.
 *
 * Knows the filter and nat tables and connection state NEW; skips other tables.
 */
export function traceOutcomes(tables: readonly Table[], packet: Packet, host: Host): Outcome[] {
  const outcomes: Outcome[] = [];
  let script: boolean[] | undefined = [];
  while (script !== undefined) {
    const chance: Chance = new Chance(script);
    outcomes.push(new Walk({ tables, packet, host, chance }).run());
    script = chance.nextScript();
  }
  return outcomes.filter((outcome) => outcome.probability > 0);
}

/** Replays a list of decisions, then answers yes; afterwards holds the next list to try. */
class Chance {
  readonly #script: readonly boolean[];
  readonly #taken: boolean[] = [];
  probability = 1;

  constructor(script: readonly boolean[]) {
    this.#script = script;
  }

  decide(probability: number): boolean {
    const yes = this.#script[this.#taken.length] ?? true;
    this.#taken.push(yes);
    this.probability *= yes ? probability : 1 - probability;
    return yes;
  }

  nextScript(): boolean[] | undefined {
    const last = this.#taken.lastIndexOf(true);
    return last < 0 ? undefined : [...this.#taken.slice(0, last), false];
  }
}

type Step = 'continue' | 'return' | 'stop' | 'accepted' | 'dropped' | 'rejected';

interface WalkInput {
  readonly tables: readonly Table[];
  readonly packet: Packet;
  readonly host: Host;
  readonly chance: Chance;
}

class Walk {
  readonly #chains: ReadonlyMap<string, Chain>;
  readonly #packet: Packet;
  readonly #host: Host;
  readonly #chance: Chance;
  readonly #path: string[] = [];
  #destination: string;
  #port: number;
  #mark = 0;
  #translated = false;
  #masqueraded = false;

  constructor({ tables, packet, host, chance }: WalkInput) {
    this.#chains = new Map(
      tables.flatMap((table) =>
        table.chains.map((chain) => [`${table.name} ${chain.name}`, chain]),
      ),
    );
    this.#packet = packet;
    this.#host = host;
    this.#chance = chance;
    this.#destination = packet.destination;
    this.#port = packet.destinationPort;
  }

  run(): Outcome {
    const fromHost = this.#packet.from === 'host';
    this.#hook('nat', fromHost ? 'OUTPUT' : 'PREROUTING');
    const local = this.#isLocal(this.#destination);
    const filters = fromHost
      ? ['OUTPUT', ...(local ? ['INPUT'] : [])]
      : [local ? 'INPUT' : 'FORWARD'];
    for (const filter of filters) {
      const verdict = this.#hook('filter', filter);
      if (verdict !== 'accepted') return this.#outcome(verdict);
    }
    if (fromHost || !local) this.#hook('nat', 'POSTROUTING');
    return this.#outcome('accepted');
  }

  #outcome(verdict: Outcome['verdict']): Outcome {
    const address = isIPv6(this.#destination) ? `[${this.#destination}]` : this.#destination;
    return {
      verdict,
      to: `${address}:${this.#port}`,
      masqueraded: this.#masqueraded,
      probability: this.#chance.probability,
      path: this.#path,
    };
  }

  #hook(table: TableName, name: string): Outcome['verdict'] {
    const chain = this.#chains.get(`${table} ${name}`);
    if (chain === undefined) return 'accepted';
    const step = this.#walk(table, chain);
    if (step === 'accepted' || step === 'dropped' || step === 'rejected') return step;
    return chain.policy === 'DROP' ? 'dropped' : 'accepted';
  }

  #walk(table: TableName, chain: Chain): Step {
    for (const rule of chain.rules) {
      if (!this.#matches(rule)) continue;
      if (rule.target === undefined) continue;
      this.#path.push(`${table} ${chain.name}: ${describe(rule.target)}`);
      const step = this.#apply(table, rule.target);
      if (step === 'return') return 'continue';
      if (step !== 'continue') return step;
    }
    return 'continue';
  }

  #apply(table: TableName, target: Target): Step {
    switch (target.kind) {
      case 'jump':
      case 'goto': {
        const chain = this.#chains.get(`${table} ${target.chain}`);
        if (chain === undefined) throw new Error(`${table}: no chain ${target.chain}`);
        const step = this.#walk(table, chain);
        return target.kind === 'goto' && step === 'continue' ? 'return' : step;
      }
      case 'accept':
        return 'accepted';
      case 'drop':
        return 'dropped';
      case 'reject':
        return 'rejected';
      case 'return':
        return 'return';
      case 'masquerade':
        this.#masqueraded = true;
        return 'stop';
      case 'dnat':
        this.#translate(target.to);
        return 'stop';
      case 'redirect':
        this.#redirect(target.port);
        return 'stop';
      case 'set-mark':
        this.#mark = ((this.#mark & ~target.mask) ^ target.value) >>> 0;
        return 'continue';
      case 'other':
        throw new Error(`the tracer does not know the target ${target.name}`);
    }
  }

  /** @see Linux net/netfilter/nf_nat_redirect.c */
  #redirect(port: number): void {
    const isV6 = isIPv6(this.#destination);
    const loopback = isV6 ? '::1' : '127.0.0.1';
    const [own = loopback] = this.#host.addresses.filter((ip) => isIPv6(ip) === isV6);
    this.#destination = this.#packet.from === 'host' ? loopback : own;
    this.#port = port;
    this.#translated = true;
  }

  #translate(to: string): void {
    const colon = to.lastIndexOf(':');
    this.#destination = to.slice(0, colon).replaceAll(/[[\]]/g, '');
    this.#port = Number(to.slice(colon + 1));
    this.#translated = true;
  }

  #matches(rule: Rule): boolean {
    return rule.matches.every(
      (match) => this.#test(match) !== ('negated' in match && match.negated),
    );
  }

  #test(match: Match): boolean {
    const packet = this.#packet;
    switch (match.kind) {
      case 'comment':
      case 'remember-source':
      case 'count':
        return true;
      case 'protocol':
        return isProtocol(match.protocol, packet.protocol);
      case 'header':
        return match.protocol === packet.protocol;
      case 'fragment':
        return false;
      case 'source':
        return networkContains(match.network, packet.source);
      case 'destination':
        return networkContains(match.network, this.#destination);
      case 'source-port':
        if (packet.sourcePort === undefined) {
          throw new Error('a rule matches the source port: the packet must have one');
        }
        return isInRange(match, packet.sourcePort);
      case 'destination-port':
        return isInRange(match, this.#port);
      case 'in-interface':
        return nameMatches(match.name, packet.inInterface ?? '');
      case 'out-interface':
        return false;
      case 'mark':
        return (this.#mark & match.mask) >>> 0 === match.value;
      case 'connection-mark':
        return match.value === 0;
      case 'connection-state':
        return match.states.includes('NEW') || (this.#translated && match.states.includes('DNAT'));
      case 'source-type':
        return match.type === 'LOCAL' && this.#isLocal(packet.source);
      case 'destination-type':
        return match.type === 'LOCAL' && this.#isLocal(this.#destination);
      case 'chance':
        return this.#chance.decide(match.probability);
      case 'source-remembered':
        return this.#host.remembered?.includes(match.list) ?? false;
      case 'other':
        throw new Error(`the tracer does not know ${match.args.join(' ')}`);
    }
  }

  #isLocal(address: string): boolean {
    return (
      LOOPBACK.some((network) => networkContains(network, address)) ||
      this.#host.addresses.includes(address)
    );
  }
}

const LOOPBACK = ['127.0.0.0/8', '::1'];

function describe(target: Target): string {
  if (target.kind === 'jump' || target.kind === 'goto') return `${target.kind} ${target.chain}`;
  if (target.kind === 'redirect') return `redirect ${target.port}`;
  return target.kind === 'dnat' ? `dnat ${target.to}` : target.kind;
}

function isInRange(
  { port, lastPort = port }: Readonly<{ port: number; lastPort?: number }>,
  actual: number,
): boolean {
  return port <= actual && actual <= lastPort;
}

/** The names and numbers of protocols are equivalent. */
function isProtocol(asked: string, actual: string): boolean {
  const number = (text: string): string => String(PROTOCOL_NUMBERS[text] ?? text);
  return asked === 'all' || asked === '0' || number(asked) === number(actual);
}

function nameMatches(pattern: string, name: string): boolean {
  return pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
