import { renderAppend, type RestoreTable } from '@nodeagent/netfilter';

import type { NodeView } from '../node-view.js';
import { JUMPS } from './jumps.js';
import { planRestore, renderPort } from './restore-input.js';
import type { SyncSettings } from './settings.js';

/**
 * Everything that the iptables backend makes of a view on an empty machine, jumps from the kernel's
 * hooks included: for people and for the packet tracer. On a node the same comes about in two steps,
 * one restore and one look at each jump.
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
    // each is put first in its chain, so the last comes first
    const jumps = JUMPS.filter(({ table }) => table === name).toReversed();
    const targets = jumps.flatMap(({ rule: { target } }) =>
      target?.kind === 'jump' && !own.includes(target.chain) ? [target.chain] : [],
    );
    const hooks = jumps.map(({ chain, rule }) => `${renderAppend(chain, rule)}\n`);
    return { name, chains: [...own, ...new Set(targets)], lines: [...hooks, ...lines] };
  });
}
