import { renderAppend, type RestoreTable } from '@nodeagent/netfilter';

import type { NodeView } from '../node-view.js';
import { JUMPS } from './jumps.js';
import { planRestore, renderPort } from './restore-input.js';
import type { SyncSettings } from './settings.js';

/**
 * Plans everything that the iptables backend writes for a view on an empty machine, including the
 * jumps from the kernel's hooks: for people and for the packet tracer. On a node the backend does
 * this in two steps, one restore and one check of each jump.
 */
export function planWholeTables(view: NodeView, settings: SyncSettings): readonly RestoreTable[] {
  const tables = planRestore({
    view,
    settings,
    write: 'all',
    textOf: (_key, port) => renderPort(port, settings),
    staleChains: [],
  });
  return tables.map(({ name, chains, lines }) => {
    const own = [...chains];
    // each jump is inserted at the start of its chain, so the last one comes first
    const jumps = JUMPS.filter(({ table }) => table === name).toReversed();
    const targets = jumps.flatMap(({ rule: { target } }) =>
      target?.kind === 'jump' && !own.includes(target.chain) ? [target.chain] : [],
    );
    const hooks = jumps.map(({ chain, rule }) => `${renderAppend(chain, rule)}\n`);
    return { name, chains: [...own, ...new Set(targets)], lines: [...hooks, ...lines] };
  });
}
