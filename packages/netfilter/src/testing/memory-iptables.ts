import { parseSaveLines, type SaveLine } from '../codec/iptables-save.js';
import { NetfilterError } from '../model/errors.js';
import type { IpFamily, Rule, Table, TableName } from '../model/iptables.js';
import { checkedChainName } from '../plan/check-name.js';
import type { Iptables, PlacedRule, RulePosition } from '../ports.js';
import { renderRestore, type RestoreTable } from '../render/iptables-restore.js';
import { renderAppend, renderRule } from '../render/iptables-rule.js';

interface MemoryChain {
  readonly policy?: 'ACCEPT' | 'DROP';
  rules: Rule[];
}
type Chains = Map<string, MemoryChain>;

const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
};
const BUILT_IN_TARGETS = new Set(['MARK', 'REJECT', 'LOG', 'TRACE', 'NFLOG', 'SNAT', 'DNAT']);

/** The tables of one family in memory, with the kernel's rules about references between chains. */
export class MemoryIptables implements Iptables {
  readonly family: IpFamily;
  /** Every input passed to restore, oldest first. */
  readonly restored: string[] = [];
  /** Set to make the next restores fail, as when the kernel refuses a rule set. */
  failRestoreWith: Error | undefined;
  /**
   * Restores with a matching line are refused, as by a kernel that lacks a match; `unnamed`: the
   * error does not name the line.
   */
  refuses: { line: RegExp; unnamed?: boolean } | undefined;
  #tables = new Map<TableName, Chains>();

  constructor(family: IpFamily) {
    this.family = family;
    for (const [name, chains] of Object.entries(BUILT_IN)) {
      const table: Chains = new Map();
      for (const chain of chains) table.set(chain, { policy: 'ACCEPT', rules: [] });
      this.#tables.set(name as TableName, table);
    }
  }

  /** Returns all tables as data, for the packet tracer. */
  dump(): Table[] {
    return [...this.#tables].map(([name, chains]) => ({
      name,
      chains: [...chains].map(([chain, content]) => ({ name: chain, ...content })),
    }));
  }

  async chainExists(table: TableName, chain: string): Promise<boolean> {
    return this.#chains(table).has(chain);
  }

  async ensureChain(table: TableName, chain: string): Promise<'created' | 'existed'> {
    const chains = this.#chains(table);
    if (chains.has(chain)) return 'existed';
    chains.set(checkedChainName(chain), { rules: [] });
    return 'created';
  }

  async ensureRule(placed: PlacedRule, position: RulePosition): Promise<'added' | 'existed'> {
    const { table, chain, rule } = placed;
    const { rules } = chainOf(this.#chains(table), chain);
    if (rules.some((other) => sameRule(other, rule))) return 'existed';
    checkTarget(this.#chains(table), rule);
    if (position === 'first') rules.unshift(rule);
    else rules.push(rule);
    return 'added';
  }

  async deleteRule({ table, chain, rule }: PlacedRule): Promise<'deleted' | 'absent'> {
    const rules = this.#chains(table).get(chain)?.rules ?? [];
    const index = rules.findIndex((other) => sameRule(other, rule));
    if (index < 0) return 'absent';
    rules.splice(index, 1);
    return 'deleted';
  }

  async deleteChain(table: TableName, chain: string): Promise<'deleted' | 'absent'> {
    const chains = this.#chains(table);
    if (!chains.has(chain)) return 'absent';
    removeChain(chains, chain, false);
    return 'deleted';
  }

  async save(table: TableName): Promise<string> {
    const chains = [...this.#chains(table)];
    const heads = chains.map(([name, { policy }]) => `:${name} ${policy ?? '-'} [0:0]`);
    const rules = chains.flatMap(([name, content]) =>
      content.rules.map((rule) => renderAppend(name, rule)),
    );
    return [`*${table}`, ...heads, ...rules, 'COMMIT', ''].join('\n');
  }

  async restore(tables: Iterable<RestoreTable>): Promise<void> {
    const input = [...renderRestore(tables)].join('');
    if (this.failRestoreWith !== undefined) throw this.failRestoreWith;
    this.#refuse(input);
    const next = new Map(this.#tables);
    let chains: Chains = new Map();
    for (const line of parseSaveLines(input)) {
      if (line.kind === 'table') {
        chains = copyOf(next.get(line.name) ?? new Map<never, never>());
        next.set(line.name, chains);
      } else if (line.kind !== 'commit') applyLine(chains, line);
    }
    this.#tables = next;
    this.restored.push(input);
  }

  #refuse(input: string): void {
    const { refuses } = this;
    if (refuses === undefined) return;
    const index = input.split('\n').findIndex((text) => refuses.line.test(text));
    if (index < 0) return;
    const where = refuses.unnamed === true ? {} : { line: index + 1 };
    const message = `iptables-restore: line ${index + 1} failed`;
    throw new NetfilterError('NETFILTER_COMMAND_FAILED', message, { exitCode: 1, ...where });
  }

  #chains(table: TableName): Chains {
    const chains = this.#tables.get(table) ?? new Map<string, MemoryChain>();
    this.#tables.set(table, chains);
    return chains;
  }
}

function applyLine(chains: Chains, line: Exclude<SaveLine, { kind: 'table' | 'commit' }>): void {
  switch (line.kind) {
    case 'chain': {
      const policy = line.policy ?? chains.get(line.name)?.policy;
      const head = policy === undefined ? {} : { policy };
      chains.set(checkedChainName(line.name), { ...head, rules: [] });
      return;
    }
    case 'append':
      checkTarget(chains, line.rule);
      chainOf(chains, line.chain).rules.push(line.rule);
      return;
    case 'prepend':
      checkTarget(chains, line.rule);
      chainOf(chains, line.chain).rules.unshift(line.rule);
      return;
    case 'delete': {
      const { rules } = chainOf(chains, line.chain);
      const index = rules.findIndex((other) => sameRule(other, line.rule));
      if (index < 0) throw notFound(`rule in ${line.chain}`);
      rules.splice(index, 1);
      return;
    }
    case 'flush':
      chainOf(chains, line.chain).rules = [];
      return;
    case 'remove-chain':
      removeChain(chains, line.chain, true);
  }
}

/**
 * iptables-restore checks references at commit; here, a jump to a removed chain is refused at once.
 */
function removeChain(chains: Chains, name: string, inRestore: boolean): void {
  const { rules, policy } = chainOf(chains, name);
  const used = [...chains.values()].some((chain) =>
    chain.rules.some((rule) => jumpsTo(rule, name)),
  );
  if (used || policy !== undefined || (rules.length > 0 && !inRestore)) {
    const message = `chain ${name}: Device or resource busy`;
    throw new NetfilterError('NETFILTER_COMMAND_FAILED', message);
  }
  chains.delete(name);
}

function chainOf(chains: Chains, name: string): MemoryChain {
  const chain = chains.get(name);
  if (chain === undefined) throw notFound(`chain ${name}`);
  return chain;
}

function checkTarget(chains: Chains, rule: Rule): void {
  const { target } = rule;
  if (target === undefined || (target.kind !== 'jump' && target.kind !== 'goto')) return;
  if (!chains.has(target.chain) && !BUILT_IN_TARGETS.has(target.chain)) {
    throw notFound(`chain ${target.chain}`);
  }
}

function jumpsTo({ target }: Rule, name: string): boolean {
  return (target?.kind === 'jump' || target?.kind === 'goto') && target.chain === name;
}

function notFound(what: string): NetfilterError {
  return new NetfilterError('NETFILTER_COMMAND_FAILED', `${what}: does not exist`);
}

function copyOf(chains: Chains): Chains {
  const pairs = [...chains].map(([name, chain]): [string, MemoryChain] => [
    name,
    { ...chain, rules: [...chain.rules] },
  ]);
  return new Map(pairs);
}

function sameRule(a: Rule, b: Rule): boolean {
  return renderRule(a) === renderRule(b);
}
