import {
  type NftElement,
  type NftFamily,
  type NftFlowtable,
  type NftHook,
  nftKeyText,
  type NftListedRule,
  type NftObject,
  type NftOperation,
  type NftSet,
} from '../model/nftables.js';

/** A chain with its rules. */
export type NftFilledChain = Readonly<{
  name: string;
  base?: NftHook;
  comment?: string;
  rules: readonly NftListedRule[];
}>;

/** A set with its elements, by {@link nftKeyText} of their keys. */
export type NftFilledSet = NftSet & Readonly<{ elements: ReadonlyMap<string, NftElement> }>;

/** A table and everything in it: for the tracer, the difference and whole scripts. */
export interface NftTableContents {
  readonly chains: ReadonlyMap<string, NftFilledChain>;
  readonly sets: ReadonlyMap<string, NftFilledSet>;
  /** By type and name: `counter web`. */
  readonly objects?: ReadonlyMap<string, NftObject>;
  readonly flowtables?: ReadonlyMap<string, NftFlowtable>;
}

/** A table that the kernel has; its rules have handles. */
export interface NftListedTable extends NftTableContents {
  readonly family: NftFamily;
  readonly name: string;
  readonly handle: number;
  readonly isDormant: boolean;
  readonly comment?: string;
  /** The number of the last change of any table when this one was read. */
  readonly generation: number;
}

/** Objects of different types may have the same name. */
export function objectKey({ type, name }: Readonly<{ type: string; name: string }>): string {
  return `${type} ${name}`;
}

/**
 * Returns a table's contents after these operations on an empty table; assumes that they all
 * succeed. Rules that are placed next to a handle that is not there go to the end.
 */
export function nftContentsOf(operations: Iterable<NftOperation>): NftTableContents {
  const table = new Contents();
  for (const operation of operations) table.apply(operation);
  return table;
}

class Contents implements NftTableContents {
  readonly chains = new Map<string, NftFilledChain & { rules: NftListedRule[] }>();
  readonly sets = new Map<string, NftSet & { elements: Map<string, NftElement> }>();
  readonly objects = new Map<string, NftObject>();
  readonly flowtables = new Map<string, NftFlowtable>();

  apply(operation: NftOperation): void {
    switch (operation.op) {
      case 'add-chain': {
        const { name } = operation.chain;
        this.chains.set(name, this.chains.get(name) ?? { ...operation.chain, rules: [] });
        break;
      }
      case 'flush-chain':
        this.chains.get(operation.chain)?.rules.splice(0);
        break;
      case 'delete-chain':
        this.chains.delete(operation.chain);
        break;
      case 'add-rule':
      case 'replace-rule':
      case 'delete-rule':
        this.#rule(operation);
        break;
      case 'add-set': {
        const { name } = operation.set;
        this.sets.set(name, this.sets.get(name) ?? { ...operation.set, elements: new Map() });
        break;
      }
      case 'flush-set':
        this.sets.get(operation.set)?.elements.clear();
        break;
      case 'delete-set':
        this.sets.delete(operation.set);
        break;
      case 'add-elements':
        for (const element of operation.elements) {
          this.sets.get(operation.set.name)?.elements.set(nftKeyText(element.key), element);
        }
        break;
      case 'delete-elements':
        for (const { key } of operation.elements) {
          this.sets.get(operation.set.name)?.elements.delete(nftKeyText(key));
        }
        break;
      case 'add-object':
        this.objects.set(objectKey(operation.object), operation.object);
        break;
      case 'delete-object':
        this.objects.delete(objectKey(operation));
        break;
      case 'add-flowtable':
        this.flowtables.set(operation.flowtable.name, operation.flowtable);
        break;
      case 'delete-flowtable':
        this.flowtables.delete(operation.flowtable);
        break;
      case 'delete-table':
        this.chains.clear();
        this.sets.clear();
        this.objects.clear();
        this.flowtables.clear();
        break;
      case 'add-table':
      case 'may-split':
        break;
    }
  }

  #rule(
    operation: Extract<NftOperation, { op: 'add-rule' | 'replace-rule' | 'delete-rule' }>,
  ): void {
    const rules = this.chains.get(operation.chain)?.rules ?? [];
    if (operation.op === 'add-rule') {
      rules.splice(placeIn(rules, operation.at), 0, operation.rule);
      return;
    }
    const at = rules.findIndex(({ handle }) => handle === operation.handle);
    if (at === -1) return;
    if (operation.op === 'delete-rule') rules.splice(at, 1);
    else rules.splice(at, 1, { ...operation.rule, handle: operation.handle });
  }
}

/** Returns the index at which the rule goes in. */
export function placeIn(
  rules: readonly NftListedRule[],
  at: Extract<NftOperation, { op: 'add-rule' }>['at'],
): number {
  if (at === 'first') return 0;
  if (at === undefined) return rules.length;
  const wanted = 'before' in at ? at.before : at.after;
  const found = rules.findIndex(({ handle }) => handle === wanted);
  if (found === -1) return rules.length;
  return 'before' in at ? found : found + 1;
}
