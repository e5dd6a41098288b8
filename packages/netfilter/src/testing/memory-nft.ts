import { NetfilterError } from '../model/errors.js';
import {
  type NftChain,
  nftDataText,
  type NftElement,
  type NftFlowtable,
  type NftInventory,
  nftKeyText,
  type NftListedRule,
  type NftObject,
  type NftOperation,
  type NftRule,
  type NftSet,
  type NftTableName,
} from '../model/nftables.js';
import { objectKey, placeIn } from '../plan/nft-contents.js';
import type { NftTable } from '../ports.js';
import { renderNftScript } from '../render/nft-script.js';

/** A chain with its rules. */
export interface MemoryNftChain extends NftChain {
  readonly rules: readonly NftListedRule[];
}

export interface MemoryNftSet extends NftSet {
  readonly elements: ReadonlyMap<string, NftElement>;
}

/** A table in memory: what `traceNftOutcomes` reads. */
export interface MemoryNftContents {
  readonly chains: ReadonlyMap<string, MemoryNftChain>;
  readonly sets: ReadonlyMap<string, MemoryNftSet>;
  readonly objects: ReadonlyMap<string, NftObject>;
  readonly flowtables: ReadonlyMap<string, NftFlowtable>;
}

type Contents = Readonly<{
  chains: Map<string, MemoryNftChain>;
  sets: Map<string, MemoryNftSet & Readonly<{ elements: Map<string, NftElement> }>>;
  objects: Map<string, NftObject>;
  flowtables: Map<string, NftFlowtable>;
}>;

/**
 * Keeps the kernel's rules: a step is all or nothing, references must exist, and nothing in use is
 * removed.
 */
export class MemoryNftTable implements NftTable {
  readonly table: NftTableName;
  readonly mustBeWhole = false;
  #contents: Contents | undefined;
  #changedByOthers = false;
  #onChange: (() => void) | undefined;
  /** Number of steps carried out. */
  steps = 0;

  constructor(table: NftTableName) {
    this.table = table;
  }

  get contents(): MemoryNftContents | undefined {
    return this.#contents;
  }

  /** Applies operations as another program would. */
  applyAsOther(operations: Iterable<NftOperation>): void {
    this.#carryOut(operations);
    this.#changedByOthers = true;
    this.#onChange?.();
  }

  async apply(operations: Iterable<NftOperation>, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const all = [...operations];
    if (all.length === 0) return;
    if (this.#changedByOthers) {
      throw new NetfilterError('NETFILTER_CHANGED', `${this.table.name}: changed by someone else`);
    }
    this.#carryOut(all);
    this.steps += 1;
  }

  async inventory(): Promise<NftInventory | undefined> {
    this.#changedByOthers = false;
    if (this.#contents === undefined) return undefined;
    const chains = [...this.#contents.chains.values()].map(({ name, base }) =>
      base === undefined ? { name } : { name, base },
    );
    return { chains, sets: [...this.#contents.sets.keys()] };
  }

  async elements(set: NftSet): Promise<readonly NftElement[]> {
    const found = this.#contents?.sets.get(set.name);
    if (found === undefined) throw refused(`list set ${set.name}`, 'ENOENT');
    return [...found.elements.values()];
  }

  async watch(onChange: () => void, signal: AbortSignal): Promise<void> {
    this.#onChange = onChange;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.#onChange = undefined;
  }

  #carryOut(operations: Iterable<NftOperation>): void {
    let next = copyOf(this.#contents);
    for (const operation of operations) {
      const what = [...renderNftScript(this.table, [operation])].join('').trim();
      if (operation.op === 'add-table') next ??= EMPTY();
      else if (operation.op === 'may-split') continue;
      else if (next === undefined) throw refused(what, 'ENOENT');
      else if (operation.op === 'delete-table') next = undefined;
      else new Step(next, what).perform(operation);
    }
    this.#contents = next;
  }
}

const EMPTY = (): Contents => ({
  chains: new Map(),
  sets: new Map(),
  objects: new Map(),
  flowtables: new Map(),
});

type Inner = Exclude<NftOperation, { op: 'add-table' | 'delete-table' | 'may-split' }>;

class Step {
  readonly #contents: Contents;
  readonly #what: string;

  constructor(contents: Contents, what: string) {
    this.#contents = contents;
    this.#what = what;
  }

  perform(operation: Inner): void {
    switch (operation.op) {
      case 'add-chain':
        return this.#addChain(operation.chain);
      case 'flush-chain':
        return this.#setRules(operation.chain, []);
      case 'delete-chain':
        return this.#deleteChain(operation.chain);
      case 'add-rule': {
        this.#checkRule(operation.rule);
        const rules: NftListedRule[] = [...this.#chain(operation.chain).rules];
        rules.splice(placeIn(rules, operation.at), 0, operation.rule);
        return this.#setRules(operation.chain, rules);
      }
      case 'replace-rule':
      case 'delete-rule': {
        const { rules } = this.#chain(operation.chain);
        const at = rules.findIndex(({ handle }) => handle === operation.handle);
        if (at === -1) throw refused(this.#what, 'ENOENT');
        const { handle } = operation;
        const put = operation.op === 'replace-rule' ? [{ ...operation.rule, handle }] : [];
        return this.#setRules(operation.chain, rules.toSpliced(at, 1, ...put));
      }
      case 'add-object':
        this.#contents.objects.set(objectKey(operation.object), operation.object);
        return;
      case 'delete-object':
        if (!this.#contents.objects.delete(objectKey(operation))) {
          throw refused(this.#what, 'ENOENT');
        }
        return;
      case 'add-flowtable':
        this.#contents.flowtables.set(operation.flowtable.name, operation.flowtable);
        return;
      case 'delete-flowtable':
        if (!this.#contents.flowtables.delete(operation.flowtable)) {
          throw refused(this.#what, 'ENOENT');
        }
        return;
      case 'add-set':
        return this.#addSet(operation.set);
      case 'flush-set':
        return this.#set(operation.set).elements.clear();
      case 'delete-set':
        return this.#deleteSet(operation.set);
      case 'add-elements':
        for (const element of operation.elements) this.#addElement(operation.set.name, element);
        return;
      case 'delete-elements':
        for (const { key } of operation.elements) {
          const { elements } = this.#set(operation.set.name);
          if (!elements.delete(nftKeyText(key))) throw refused(this.#what, 'ENOENT');
        }
    }
  }

  #addChain(chain: NftChain): void {
    const there = this.#contents.chains.get(chain.name);
    if (there === undefined) {
      this.#contents.chains.set(chain.name, { ...chain, rules: [] });
    } else if (placeOf(there) !== placeOf(chain)) {
      throw refused(this.#what, 'EEXIST');
    } else if (there.base !== undefined && chain.base?.policy !== undefined) {
      const base = { ...there.base, policy: chain.base.policy };
      this.#contents.chains.set(chain.name, { ...there, base });
    }
  }

  #setRules(name: string, rules: readonly NftRule[]): void {
    this.#contents.chains.set(name, { ...this.#chain(name), rules });
  }

  #deleteChain(name: string): void {
    this.#chain(name);
    const isTarget = [...this.#contents.chains.values()].some(
      (chain) =>
        chain.name !== name &&
        chain.rules.some(({ steps }) =>
          steps.some((step) => 'chain' in step && step.chain === name),
        ),
    );
    const isValue = [...this.#contents.sets.values()].some(({ elements }) =>
      [...elements.values()].some(({ data }) => leadsTo(data, name)),
    );
    if (isTarget || isValue) throw refused(this.#what, 'EBUSY');
    this.#contents.chains.delete(name);
  }

  #addSet(set: NftSet): void {
    const there = this.#contents.sets.get(set.name);
    if (there === undefined) this.#contents.sets.set(set.name, { ...set, elements: new Map() });
    else if (typesOf(there) !== typesOf(set)) throw refused(this.#what, 'EEXIST');
  }

  #deleteSet(name: string): void {
    this.#set(name);
    const isUsed = [...this.#contents.chains.values()].some(({ rules }) =>
      rules.some(({ steps }) =>
        steps.some(
          (step) => ('set' in step && step.set === name) || ('map' in step && step.map === name),
        ),
      ),
    );
    if (isUsed) throw refused(this.#what, 'EBUSY');
    this.#contents.sets.delete(name);
  }

  #addElement(set: string, element: NftElement): void {
    const { elements } = this.#set(set);
    const { data } = element;
    if (data !== undefined && 'chain' in data) this.#chain(data.chain);
    const text = nftKeyText(element.key);
    const there = elements.get(text);
    if (there !== undefined && nftDataText(there.data) !== nftDataText(data)) {
      throw refused(this.#what, 'EEXIST');
    }
    elements.set(text, element);
  }

  #checkRule({ steps }: NftRule): void {
    for (const step of steps) {
      if ('chain' in step) this.#chain(step.chain);
      if ('set' in step) this.#set(step.set);
      if ('map' in step && typeof step.map === 'string') this.#set(step.map);
    }
  }

  #chain(name: string): MemoryNftChain {
    const found = this.#contents.chains.get(name);
    if (found === undefined) throw refused(this.#what, 'ENOENT');
    return found;
  }

  #set(name: string): NftSet & Readonly<{ elements: Map<string, NftElement> }> {
    const found = this.#contents.sets.get(name);
    if (found === undefined) throw refused(this.#what, 'ENOENT');
    return found;
  }
}

function copyOf(contents: Contents | undefined): Contents | undefined {
  if (contents === undefined) return undefined;
  const sets = [...contents.sets].map(
    ([name, set]) => [name, { ...set, elements: new Map(set.elements) }] as const,
  );
  return {
    chains: new Map(contents.chains),
    sets: new Map(sets),
    objects: new Map(contents.objects),
    flowtables: new Map(contents.flowtables),
  };
}

/** Everything but the policy, which can change. */
function placeOf({ base }: NftChain): string {
  return JSON.stringify(base === undefined ? null : { ...base, policy: undefined });
}

function typesOf({ key, data, timeoutMs }: NftSet): string {
  return JSON.stringify([key, data, timeoutMs]);
}

function leadsTo(data: NftElement['data'], chain: string): boolean {
  return data !== undefined && 'chain' in data && data.chain === chain;
}

function refused(what: string, errno: string): NetfilterError {
  return new NetfilterError('NETFILTER_REFUSED', `${what}: ${errno}`);
}
