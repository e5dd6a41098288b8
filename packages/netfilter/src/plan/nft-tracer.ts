import { isIPv6 } from 'node:net';

import { NetfilterError } from '../model/errors.js';
import type { NftMapRef } from '../model/nft-steps.js';
import {
  type NftElement,
  type NftHook,
  type NftKeyPart,
  nftKeyText,
  type NftRule,
  type NftStep,
  type NftValue,
  type NftVerdict,
} from '../model/nftables.js';
import { networkContains } from './network-contains.js';
import { type NftTableContents } from './nft-contents.js';
import type { Host, Outcome, Packet } from './packet-tracer.js';

/**
 * Follows the first packet of a connection through a table, once for every random decision.
 *
 * @throws {NetfilterError} `NETFILTER_VALUE` for rules that refer to a missing chain, set or map
 */
export function traceNftOutcomes(table: NftTableContents, packet: Packet, host: Host): Outcome[] {
  const outcomes: Outcome[] = [];
  const pending: (readonly number[])[] = [[]];
  for (let script = pending.pop(); script !== undefined; script = pending.pop()) {
    const dice = new Dice(script);
    outcomes.push(new NftWalk({ table, packet, host, dice }).run());
    pending.push(...dice.otherScripts());
  }
  return outcomes;
}

/** Replays a list of decided numbers, then zeros; afterwards lists the decisions not yet tried. */
class Dice {
  readonly #script: readonly number[];
  readonly #rolled: { value: number; sides: number }[] = [];
  probability = 1;

  constructor(script: readonly number[]) {
    this.#script = script;
  }

  roll(sides: number): number {
    const value = this.#script[this.#rolled.length] ?? 0;
    this.#rolled.push({ value, sides });
    this.probability /= sides;
    return value;
  }

  otherScripts(): (readonly number[])[] {
    const scripts: (readonly number[])[] = [];
    for (let at = this.#rolled.length - 1; at >= this.#script.length; at -= 1) {
      const before = this.#rolled.slice(0, at).map(({ value }) => value);
      for (let value = 1; value < (this.#rolled[at]?.sides ?? 0); value += 1) {
        scripts.push([...before, value]);
      }
    }
    return scripts;
  }
}

type Step = 'continue' | 'return' | 'accepted' | 'dropped' | 'rejected';

interface WalkInput {
  readonly table: NftTableContents;
  readonly packet: Packet;
  readonly host: Host;
  readonly dice: Dice;
}

class NftWalk {
  readonly #input: WalkInput;
  readonly #path: string[] = [];
  #destination: string;
  #port: number;
  #mark = 0;
  #translated = false;
  #masqueraded = false;

  constructor(input: WalkInput) {
    this.#input = input;
    this.#destination = input.packet.destination;
    this.#port = input.packet.destinationPort;
  }

  run(): Outcome {
    const fromHost = this.#input.packet.from === 'host';
    const first = fromHost ? 'output' : 'prerouting';
    let verdict = this.#hook(first, (priority) => priority < 0);
    const isLocal = this.#isLocal(this.#destination);
    // a packet that this host sends to itself leaves over loopback and arrives there
    const later: NftHook['hook'][] = fromHost
      ? ['output', 'postrouting', ...(isLocal ? (['prerouting', 'input'] as const) : [])]
      : isLocal
        ? ['input']
        : ['forward', 'postrouting'];
    for (const hook of later) {
      if (verdict !== 'accepted') break;
      verdict = this.#hook(hook, (priority) => hook !== first || priority >= 0);
    }
    const address = isIPv6(this.#destination) ? `[${this.#destination}]` : this.#destination;
    return {
      verdict,
      to: `${address}:${this.#port}`,
      masqueraded: this.#masqueraded,
      probability: this.#input.dice.probability,
      path: this.#path,
    };
  }

  /** A chain that accepts ends only itself; the other chains at its hook still run. */
  #hook(hook: NftHook['hook'], isDue: (priority: number) => boolean): Outcome['verdict'] {
    const chains = [...this.#input.table.chains.values()]
      .filter(({ base }) => base?.hook === hook && isDue(base.priority) && !this.#isSettled(base))
      .toSorted((a, b) => (a.base?.priority ?? 0) - (b.base?.priority ?? 0));
    for (const { name } of chains) {
      const step = this.#walk(name);
      if (step === 'dropped' || step === 'rejected') return step;
    }
    return 'accepted';
  }

  /**
   * A packet that comes back over loopback already has its destination: nat chains do not see it
   * again.
   */
  #isSettled({ type, hook }: NftHook): boolean {
    return type === 'nat' && hook === 'prerouting' && this.#input.packet.from === 'host';
  }

  #walk(name: string): Step {
    const chain = this.#input.table.chains.get(name);
    if (chain === undefined) throw missing(`chain ${name}`);
    for (const rule of chain.rules) {
      const step = this.#follow(name, rule);
      if (step === 'return') return 'continue';
      if (step !== 'continue') return step;
    }
    return 'continue';
  }

  #follow(chain: string, { steps }: NftRule): Step {
    for (const step of steps) {
      const result = this.#take(chain, step);
      if (result === 'no') return 'continue';
      if (result !== 'yes') return result;
    }
    return 'continue';
  }

  #take(chain: string, step: NftStep): Step | 'yes' | 'no' {
    const { packet } = this.#input;
    switch (step.kind) {
      case 'connection-new':
      case 'remember-source':
        return 'yes';
      case 'translated':
        return yes(this.#translated);
      case 'marked':
        return yes((this.#mark & step.bits) !== 0);
      case 'source':
        return yes(networkContains(step.network, packet.source) !== (step.negated === true));
      case 'destination':
        return yes(networkContains(step.network, this.#destination) !== (step.negated === true));
      case 'in-interface':
        return yes(nameMatches(step.name, packet.inInterface ?? '') !== (step.negated === true));
      case 'local-source':
        return yes(this.#isLocal(packet.source));
      case 'local-destination':
        return yes(this.#isLocal(this.#destination));
      case 'protocol':
        return yes(step.protocol === packet.protocol);
      case 'in-set':
        return yes(this.#isIn(step.set, step.key));
      case 'chance':
        return yes(this.#input.dice.roll(step.in) === 0);
      case 'set-mark':
        this.#mark |= step.bits;
        return 'yes';
      case 'flip-mark':
        this.#mark ^= step.bits;
        return 'yes';
      case 'masquerade':
        this.#masqueraded = true;
        this.#note(chain, 'masquerade');
        return 'accepted';
      case 'dnat':
        return this.#translate(chain, step.address, Number(step.port ?? this.#port));
      case 'dnat-map': {
        const data = this.#look(step.map, step.key)?.data;
        if (data === undefined || 'kind' in data) return 'no';
        return this.#translate(chain, String(data[0]), Number(data[1]));
      }
      case 'verdict-map': {
        const data = this.#look(step.map, step.key)?.data;
        return data === undefined || !('kind' in data) ? 'no' : this.#judge(chain, data);
      }
      case 'reject':
        this.#note(chain, 'reject');
        return 'rejected';
      case 'accept':
      case 'drop':
      case 'return':
      case 'jump':
      case 'goto':
        return this.#judge(chain, step);
      default:
        throw untraced(`step ${step.kind}`);
    }
  }

  #judge(chain: string, verdict: NftVerdict): Step {
    this.#note(chain, 'chain' in verdict ? `${verdict.kind} ${verdict.chain}` : verdict.kind);
    switch (verdict.kind) {
      case 'accept':
        return 'accepted';
      case 'drop':
        return 'dropped';
      case 'return':
        return 'return';
      case 'jump':
        return this.#walk(verdict.chain);
      case 'goto': {
        const step = this.#walk(verdict.chain);
        return step === 'continue' ? 'return' : step;
      }
    }
  }

  #translate(chain: string, address: string, port: number): Step {
    this.#destination = address;
    this.#port = port;
    this.#translated = true;
    this.#note(chain, `dnat ${address} . ${port}`);
    return 'accepted';
  }

  #isIn(set: string, key: readonly NftKeyPart[]): boolean {
    const remembered = this.#input.host.remembered?.includes(set) ?? false;
    return remembered || this.#look(set, key) !== undefined;
  }

  #look(set: NftMapRef, key: readonly NftKeyPart[]): NftElement | undefined {
    const text = nftKeyText(key.map((part) => this.#part(part)));
    if (typeof set !== 'string') return set.find((one) => nftKeyText(one.key) === text);
    const found = this.#input.table.sets.get(set);
    if (found === undefined) throw missing(`set ${set}`);
    return found.elements.get(text);
  }

  #part(part: NftKeyPart): NftValue {
    switch (part) {
      case 'source':
        return this.#input.packet.source;
      case 'destination':
        return this.#destination;
      case 'protocol':
        return this.#input.packet.protocol;
      case 'destination-port':
        return this.#port;
      default:
        if (typeof part === 'object' && 'random' in part) return this.#input.dice.roll(part.random);
        throw untraced(`field ${JSON.stringify(part)}`);
    }
  }

  #isLocal(address: string): boolean {
    return (
      networkContains('127.0.0.0/8', address) ||
      networkContains('::1', address) ||
      this.#input.host.addresses.includes(address)
    );
  }

  #note(chain: string, what: string): void {
    this.#path.push(`${chain}: ${what}`);
  }
}

function yes(is: boolean): 'yes' | 'no' {
  return is ? 'yes' : 'no';
}

function untraced(what: string): NetfilterError {
  return new NetfilterError('NETFILTER_VALUE', `nft: ${what}: the tracer does not follow it`);
}

function missing(what: string): NetfilterError {
  return new NetfilterError(
    'NETFILTER_VALUE',
    `nft: a rule leads to ${what}, which does not exist`,
  );
}

function nameMatches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
