import { NetfilterError } from '../model/errors.js';
import type { Chain, Rule, Table, TableName } from '../model/iptables.js';
import { parseRule } from './iptables-rule.js';
import { splitWords } from './words.js';

/** One line of `iptables-save` output or `iptables-restore` input. */
export type SaveLine =
  | Readonly<{ kind: 'table'; name: TableName }>
  | Readonly<{ kind: 'chain'; name: string; policy?: 'ACCEPT' | 'DROP' }>
  | Readonly<{ kind: 'append' | 'prepend' | 'delete'; chain: string; rule: Rule }>
  | Readonly<{ kind: 'flush' | 'remove-chain'; chain: string }>
  | Readonly<{ kind: 'commit' }>;

const RULE_COMMANDS = { '-A': 'append', '-I': 'prepend', '-D': 'delete' } as const;
const CHAIN_COMMANDS = { '-F': 'flush', '-X': 'remove-chain' } as const;

/**
 * @yields the meaning of each line; comments and empty lines are left out
 * @throws {NetfilterError} `NETFILTER_PARSE` with the line's number and text
 */
export function* parseSaveLines(text: string): Generator<SaveLine, void, undefined> {
  const lines = text.split('\n');
  for (let next = 0; next < lines.length;) {
    const first = next;
    let line = lines[next++] ?? '';
    if (/^\s*(?:#|$)/.test(line)) continue;
    // the text of a comment may hold line ends
    for (let isOpen = leavesOpen(line, false); isOpen && next < lines.length; next += 1) {
      const more = lines[next] ?? '';
      line += `\n${more}`;
      isOpen = leavesOpen(more, true);
    }
    const parsed = parseSaveLine(line.trim());
    if (parsed === undefined) {
      throw new NetfilterError('NETFILTER_PARSE', `line ${first + 1}: cannot read "${line}"`);
    }
    yield parsed;
  }
}

/**
 * Returns true where a word between quotes goes on in the next line. Such a word begins with its quote: a
 * quote inside a word is part of a name, which iptables-save does not mark as such.
 */
function leavesOpen(line: string, wasOpen: boolean): boolean {
  let isOpen = wasOpen;
  for (let i = 0; i < line.length; i += 1) {
    const character = line[i];
    if (isOpen && character === '\\') i += 1;
    else if (character === '"') isOpen = !isOpen && line[i - 1] === ' ';
  }
  return isOpen;
}

function parseSaveLine(line: string): SaveLine | undefined {
  if (line.startsWith('*')) return { kind: 'table', name: line.slice(1) as TableName };
  if (line === 'COMMIT') return { kind: 'commit' };
  if (line.startsWith(':')) {
    const [name = '', policy] = line.slice(1).split(' ');
    return policy === 'ACCEPT' || policy === 'DROP'
      ? { kind: 'chain', name, policy }
      : { kind: 'chain', name };
  }
  const [command = '', chain, ...words] = splitWords(line.replace(/^\[\d+:\d+\] /, ''));
  if (chain === undefined) return undefined;
  if (Object.hasOwn(RULE_COMMANDS, command)) {
    const kind = RULE_COMMANDS[command as keyof typeof RULE_COMMANDS];
    return { kind, chain, rule: parseRule(words) };
  }
  if (Object.hasOwn(CHAIN_COMMANDS, command) && words.length === 0) {
    return { kind: CHAIN_COMMANDS[command as keyof typeof CHAIN_COMMANDS], chain };
  }
  return undefined;
}

/**
 * Reads the output of `iptables-save`.
 *
 * @throws {NetfilterError} `NETFILTER_PARSE`
 * @example
 * ```ts
 * import { parseSave } from '@nodeagent/netfilter';
 *
 * const text = '*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n';
 * const [input] = parseSave(text)[0]?.chains ?? [];
 * console.log(input?.policy, input?.rules.length); // DROP 1
 * ```
 */
export function parseSave(text: string): Table[] {
  const tables: Table[] = [];
  let chains = new Map<string, { policy?: 'ACCEPT' | 'DROP'; rules: Rule[] }>();
  let name: TableName | undefined;
  for (const line of parseSaveLines(text)) {
    if (line.kind === 'table') {
      name = line.name;
      chains = new Map();
    } else if (line.kind === 'chain') {
      const { policy } = line;
      chains.set(line.name, policy === undefined ? { rules: [] } : { policy, rules: [] });
    } else if (line.kind === 'append') {
      const chain = chains.get(line.chain) ?? { rules: [] };
      chain.rules.push(line.rule);
      chains.set(line.chain, chain);
    } else if (line.kind === 'commit' && name !== undefined) {
      const list: Chain[] = [...chains].map(([chain, content]) => ({ name: chain, ...content }));
      tables.push({ name, chains: list });
    }
  }
  return tables;
}

/** Reads the names of the chains only: cheap on tables with a hundred thousand rules. */
export function chainNames(saved: string): string[] {
  return [...saved.matchAll(/^:(\S+)/gm)].map(([, name]) => name ?? '');
}
