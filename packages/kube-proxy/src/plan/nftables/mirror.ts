import {
  nftDataText,
  type NftElement,
  nftKeyText,
  type NftOperation,
  type NftSet,
} from '@nodeagent/netfilter/nftables';

import type { Endpoint } from '../../model/endpoint.js';
import type { PortView } from '../node-view.js';
import { type Choice, choiceName, choiceNeeds, planChoice } from './choice-chains.js';
import {
  type Frontend,
  frontendsOf,
  frontendText,
  planPort,
  type PortInput,
  type PortObjects,
  type SetElement,
} from './port-objects.js';
import { SETS } from './sets.js';
import type { NftSettings } from './settings.js';
import { keepSlots } from './slots.js';
import type { FilledChain } from './static-chains.js';

/** Elements found in the kernel at start, by set name and key. */
export type FoundElements = ReadonlyMap<string, Map<string, string>>;

/**
 * Number of elements in one operation; longer lists are split, for tables that do not fit into one
 * step.
 */
const ELEMENTS_AT_ONCE = 1000;

/** In this order changes are safe even when they become visible one after the other. */
const DATA: readonly NftSet[] = [
  SETS.endpoints,
  SETS.localEndpoints,
  SETS.nodePortEndpoints,
  SETS.localNodePortEndpoints,
  SETS.hairpin,
  SETS.clusterIps,
];
const DISPATCH: readonly NftSet[] = [
  SETS.firewallIps,
  SETS.serviceIps,
  SETS.serviceNodePorts,
  SETS.noEndpointServices,
  SETS.noEndpointNodePorts,
];

/**
 * Knows what this program put into the table for Services. It stores no elements: a port's elements
 * are computed from the view that they were made for, which is kept.
 */
export class NftMirror {
  readonly #settings: NftSettings;
  readonly #ports = new Map<string, PortInput>();
  /** The port that owns each frontend, and the ports that wait for it. */
  readonly #owners = new Map<string, string>();
  readonly #waiting = new Map<string, Set<string>>();
  /** Number of ports that need a shared element. */
  readonly #shared = new Map<string, number>();
  readonly #choices = new Set<string>();
  readonly #released = new Set<string>();
  readonly #staleChains = new Set<string>();
  #found: FoundElements | undefined;

  /** @param found elements that the table holds already; entries are removed as ports claim them */
  constructor(settings: NftSettings, found?: FoundElements) {
    this.#settings = settings;
    this.#found = found;
  }

  get choices(): ReadonlySet<string> {
    return this.#choices;
  }

  /** Empty chains that nothing leads to any longer: to be deleted in a later step. */
  get staleChains(): ReadonlySet<string> {
    return this.#staleChains;
  }

  /** Names of chains and sets that belong to single ports now. */
  ownNames(): Readonly<{ chains: ReadonlySet<string>; sets: ReadonlySet<string> }> {
    const chains = new Set<string>();
    const sets = new Set<string>();
    for (const input of this.#ports.values()) {
      const { service } = input.view;
      if (service.affinitySeconds === undefined && service.sourceRanges.length === 0) continue;
      const objects = planPort(input, this.#settings);
      for (const { chain } of objects.chains) chains.add(chain.name);
      for (const { name } of objects.sets) sets.add(name);
    }
    return { chains, sets };
  }

  /** True while elements found at start are still being compared. */
  get adopts(): boolean {
    return this.#found !== undefined;
  }

  /** Stops comparing with the elements found at start. */
  forgetFound(): void {
    this.#found = undefined;
  }

  /** Adds empty chains that an earlier process left. */
  addStale(names: Iterable<string>): void {
    for (const name of names) this.#staleChains.add(name);
  }

  /**
   * Undoes the plans for new ports that the kernel refused.
   *
   * @param choices the choices as they were before
   */
  takeBack(keys: Iterable<string>, choices: ReadonlySet<string>): void {
    for (const key of keys) {
      const input = this.#ports.get(key);
      if (input === undefined) continue;
      this.#release(key, input);
      this.#ports.delete(key);
      const { shared } = planPort(input, this.#settings);
      this.#compareShared(shared, [], { adds: new Map(), removes: new Map() });
    }
    for (const name of this.#choices) if (!choices.has(name)) this.#choices.delete(name);
  }

  chainsDeleted(names: Iterable<string>): void {
    for (const name of names) this.#staleChains.delete(name);
  }

  /** Returns the ports that got a frontend which another port gave up: plan them again. */
  takeReleased(): readonly string[] {
    const keys = [...this.#released];
    this.#released.clear();
    return keys;
  }

  /** Frontends that this port asks for but another port owns, each with its owner. */
  denied(key: string, view: PortView): readonly (readonly [string, string])[] {
    return frontendsOf(view.service).flatMap((frontend) => {
      const text = frontendText(frontend, view.service);
      const owner = this.#owners.get(text);
      return owner === undefined || owner === key ? [] : [[text, owner] as const];
    });
  }

  /**
   * Plans the operations that make the table serve a port as its view says; without a view, those
   * that remove the port. From now on the mirror assumes that they are done: after a failure,
   * create another mirror.
   */
  change(key: string, view: PortView | undefined): readonly NftOperation[] {
    const before = this.#ports.get(key);
    const old = before && planPort(before, this.#settings);
    if (before !== undefined) this.#release(key, before);
    if (view === undefined) {
      this.#ports.delete(key);
      return this.#difference(old, undefined);
    }
    const after: PortInput = {
      view,
      cluster: keepSlots(before?.cluster ?? NO_ENDPOINTS, view.cluster),
      local: keepSlots(before?.local ?? NO_ENDPOINTS, view.local),
      frontends: this.#claim(key, view),
    };
    this.#ports.set(key, after);
    return this.#difference(old, planPort(after, this.#settings));
  }

  #claim(key: string, { service }: PortView): readonly Frontend[] {
    return frontendsOf(service).filter((frontend) => {
      const text = frontendText(frontend, service);
      const owner = this.#owners.get(text) ?? key;
      this.#owners.set(text, owner);
      if (owner === key) return true;
      const others = this.#waiting.get(text) ?? new Set();
      this.#waiting.set(text, others.add(key));
      return false;
    });
  }

  #release(key: string, { view: { service } }: PortInput): void {
    for (const frontend of frontendsOf(service)) {
      const text = frontendText(frontend, service);
      const others = this.#waiting.get(text);
      others?.delete(key);
      if (this.#owners.get(text) !== key) continue;
      this.#owners.delete(text);
      for (const other of others ?? []) this.#released.add(other);
      this.#waiting.delete(text);
    }
  }

  #difference(
    old: PortObjects | undefined,
    wanted: PortObjects | undefined,
  ): readonly NftOperation[] {
    const operations: NftOperation[] = [];
    for (const choice of wanted?.choices ?? []) this.#makeChoice(choice, operations);
    const oldSets = new Set(old?.sets.map(({ name }) => name));
    for (const set of wanted?.sets ?? []) {
      if (!oldSets.delete(set.name)) operations.push({ op: 'add-set', set });
    }
    const goneChains = this.#changeChains(old?.chains ?? [], wanted?.chains ?? [], operations);
    const { adds, removes } = this.#compare(old, wanted);
    for (const set of DATA) pushElements(operations, 'add-elements', set, adds.get(set));
    for (const set of DISPATCH) {
      pushElements(operations, 'delete-elements', set, removes.get(set));
      pushElements(operations, 'add-elements', set, adds.get(set));
    }
    for (const set of DATA) pushElements(operations, 'delete-elements', set, removes.get(set));
    for (const chain of goneChains) operations.push({ op: 'flush-chain', chain });
    for (const set of oldSets) operations.push({ op: 'delete-set', set });
    return operations;
  }

  #makeChoice(choice: Choice, operations: NftOperation[]): void {
    const name = choiceName(choice);
    if (this.#choices.has(name)) return;
    this.#choices.add(name);
    for (const needed of choiceNeeds(choice)) this.#makeChoice(needed, operations);
    const filled = planChoice(choice, this.#settings);
    operations.push({ op: 'add-chain', chain: filled.chain });
    fillChain(operations, filled);
  }

  /** @returns the names of removed chains */
  #changeChains(
    old: readonly FilledChain[],
    wanted: readonly FilledChain[],
    operations: NftOperation[],
  ): readonly string[] {
    const before = new Map(old.map((filled) => [filled.chain.name, JSON.stringify(filled.rules)]));
    const changed = wanted.filter(({ chain, rules }) => {
      const was = before.get(chain.name);
      before.delete(chain.name);
      return was !== JSON.stringify(rules);
    });
    // rules may lead to chains that come later in the list
    for (const { chain } of changed) {
      this.#staleChains.delete(chain.name);
      operations.push({ op: 'add-chain', chain });
    }
    for (const filled of changed) fillChain(operations, filled);
    for (const name of before.keys()) this.#staleChains.add(name);
    return [...before.keys()];
  }

  /** Values that change are removed and added again: the kernel cannot overwrite them. */
  #compare(old: PortObjects | undefined, wanted: PortObjects | undefined): Compared {
    const adds: BySet = new Map();
    const removes: BySet = new Map();
    if (old === undefined && this.#found === undefined) {
      // this is most of a cold start: there is nothing to compare with
      for (const one of wanted?.elements ?? []) put(adds, one);
      this.#compareShared([], wanted?.shared ?? [], { adds, removes });
      return { adds, removes };
    }
    const before = new Map((old?.elements ?? []).map((one) => [textOf(one), one]));
    for (const one of wanted?.elements ?? []) {
      const text = textOf(one);
      const was = before.get(text);
      before.delete(text);
      const has = was === undefined ? this.#takeFound(one) : nftDataText(was.element.data);
      if (has === nftDataText(one.element.data)) continue;
      put(adds, one, has !== undefined);
    }
    for (const one of before.values()) put(removes, one);
    this.#compareShared(old?.shared ?? [], wanted?.shared ?? [], { adds, removes });
    return { adds, removes };
  }

  #compareShared(
    old: readonly SetElement[],
    wanted: readonly SetElement[],
    { adds, removes }: Compared,
  ): void {
    for (const one of wanted) {
      const text = textOf(one);
      const count = this.#shared.get(text) ?? 0;
      this.#shared.set(text, count + 1);
      if (count === 0 && this.#takeFound(one) === undefined) put(adds, one);
    }
    for (const one of old) {
      const text = textOf(one);
      const count = (this.#shared.get(text) ?? 1) - 1;
      if (count > 0) this.#shared.set(text, count);
      else {
        this.#shared.delete(text);
        put(removes, one);
      }
    }
  }

  /** Returns the value found in the kernel for a key, and removes it from the found ones. */
  #takeFound({ set, element }: SetElement): string | undefined {
    const found = this.#found?.get(set.name);
    const key = nftKeyText(element.key);
    const data = found?.get(key);
    found?.delete(key);
    return data;
  }
}

const NO_ENDPOINTS: readonly Endpoint[] = [];

type BySet = Map<NftSet, SetChanges>;
type Compared = Readonly<{ adds: BySet; removes: BySet }>;

interface SetChanges {
  readonly elements: NftElement[];
  /** Elements whose old value must be removed first, in the same step. */
  readonly replaced: Set<NftElement>;
}

function put(into: BySet, { set, element }: SetElement, replaced = false): void {
  let changes = into.get(set);
  if (changes === undefined) into.set(set, (changes = { elements: [], replaced: new Set() }));
  changes.elements.push(element);
  if (replaced) changes.replaced.add(element);
}

function textOf({ set, element }: SetElement): string {
  return `${set.name} ${nftKeyText(element.key)}`;
}

function fillChain(operations: NftOperation[], { chain, rules }: FilledChain): void {
  operations.push({ op: 'flush-chain', chain: chain.name });
  for (const rule of rules) operations.push({ op: 'add-rule', chain: chain.name, rule });
}

function pushElements(
  operations: NftOperation[],
  op: 'add-elements' | 'delete-elements',
  set: NftSet,
  changes: SetChanges | undefined,
): void {
  const all = changes?.elements ?? [];
  for (let from = 0; from < all.length; from += ELEMENTS_AT_ONCE) {
    const elements = all.slice(from, from + ELEMENTS_AT_ONCE);
    const replaced = elements.filter((element) => changes?.replaced.has(element));
    if (from > 0) operations.push({ op: 'may-split' });
    if (replaced.length > 0) operations.push({ op: 'delete-elements', set, elements: replaced });
    operations.push({ op, set, elements });
  }
}
