import type { Table, TableName } from '../model/iptables.js';
import { checkedChainName } from '../plan/check-name.js';
import type { IptablesOperation } from '../plan/diff-tables.js';
import type { RestoreTable } from './iptables-restore.js';
import { renderAppend, renderRule } from './iptables-rule.js';

/**
 * Renders a whole table as `iptables-save` prints it and `iptables-restore` takes it. Without
 * `--noflush` it replaces the table.
 *
 * @throws {NetfilterError} as `renderAppend`
 */
export function renderTable({ name, chains }: Table): string {
  const heads = chains.map(
    (chain) => `:${checkedChainName(chain.name)} ${chain.policy ?? '-'} [0:0]`,
  );
  const rules = chains.flatMap((chain) =>
    chain.rules.map((rule) => renderAppend(chain.name, rule)),
  );
  return [`*${name}`, ...heads, ...rules, 'COMMIT', ''].join('\n');
}

/**
 * Renders tables one after the other, for one `iptables-restore`.
 *
 * @throws {NetfilterError} as `renderAppend`
 */
export function renderRuleset(tables: readonly Table[]): string {
  return tables.map(renderTable).join('');
}

/**
 * Renders operations as input for `Iptables.restore` or {@link renderRestore}. Each table takes all
 * of its operations, or none.
 *
 * @throws {NetfilterError} as `renderAppend`
 */
export function renderOperations(
  operations: readonly IptablesOperation[],
): readonly RestoreTable[] {
  const lines = new Map<TableName, string[]>();
  for (const operation of operations) {
    const own = lines.get(operation.table) ?? [];
    own.push(`${lineOf(operation)}\n`);
    lines.set(operation.table, own);
  }
  return [...lines].map(([name, own]) => ({ name, chains: [], lines: own }));
}

function lineOf(operation: IptablesOperation): string {
  const chain = checkedChainName(operation.chain);
  switch (operation.op) {
    case 'create-chain':
      return `-N ${chain}`;
    case 'flush-chain':
      return `-F ${chain}`;
    case 'delete-chain':
      return `-X ${chain}`;
    case 'set-policy':
      return `-P ${chain} ${operation.policy}`;
    case 'delete-rule':
      return `-D ${chain} ${operation.position}`;
    case 'insert-rule':
      return `-I ${chain} ${operation.position} ${renderRule(operation.rule)}`.trimEnd();
  }
}
