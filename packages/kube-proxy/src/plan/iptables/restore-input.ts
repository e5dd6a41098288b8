import { renderAppend, type RestoreTable, type TableName } from '@nodeagent/netfilter';

import type { NodeView, PortView } from '../node-view.js';
import { type PlacedRule, planDispatch } from './dispatch-rules.js';
import { countServiceRules, planChains, planServiceRules } from './service-rules.js';
import type { SyncSettings } from './settings.js';
import { closingRules, leadingRules, staticChains } from './static-rules.js';

/**
 * The text that one port contributes to every sync. It is kept, because most ports do not change
 * between two syncs.
 */
export interface PortText {
  readonly filter: string;
  readonly nat: string;
  readonly chains: readonly string[];
  /** Number of lines that are written only when the port changed. */
  readonly serviceRuleCount: number;
  readonly filterRuleCount: number;
  readonly natRuleCount: number;
}

/** The content of one call of `iptables-restore --noflush`. */
export interface RestorePlan {
  readonly view: NodeView;
  readonly settings: SyncSettings;
  /** Keys of ports whose own chains are written; `all` in a full sync. */
  readonly write: 'all' | ReadonlySet<string>;
  readonly textOf: (key: string, view: PortView) => PortText;
  /** Chains in the kernel that no port uses any longer. */
  readonly staleChains: readonly string[];
  /** Keys of ports that are left out. */
  readonly skip?: ReadonlySet<string>;
}

/** Renders the lines and chains of one Service port, which a sync keeps until the port changes. */
export function renderPort(view: PortView, settings: SyncSettings): PortText {
  const { filter, nat } = planDispatch(view, settings);
  return {
    filter: renderRules(filter),
    nat: renderRules(nat),
    chains: planChains(view),
    serviceRuleCount: countServiceRules(view, settings),
    filterRuleCount: filter.length,
    natRuleCount: nat.length,
  };
}

function renderRules(rules: readonly PlacedRule[]): string {
  let text = '';
  for (const { chain, rule } of rules) text += `${renderAppend(chain, rule)}\n`;
  return text;
}

/** A piece of a table, and the port that needs it; undefined when all ports need it. */
type Segment = readonly [key: string | undefined, text: string];

interface TableSegments {
  readonly name: TableName;
  readonly chains: Iterable<string>;
  /** The text consists of whole lines. */
  readonly lines: Iterable<Segment>;
}

/**
 * Plans the tables of one restore, generated while they are read: apart from the kept {@link
 * PortText}, at most one port's text is in memory at a time.
 */
export function planRestore(plan: RestorePlan): readonly RestoreTable[] {
  return planSegments(plan).map(({ name, chains, lines }) => {
    return { name, chains, lines: textsOf(lines) };
  });
}

export interface RefusedLine {
  /** The port that the line belongs to; undefined for a line of no port, or of every port. */
  readonly key: string | undefined;
  readonly text: string;
}

/** Finds the content of a line in the text of {@link planRestore}, counted from 1. */
export function findRestoreLine(plan: RestorePlan, wanted: number): RefusedLine | undefined {
  let line = 0;
  for (const { name, chains, lines } of planSegments(plan)) {
    line += 1;
    if (line === wanted) return { key: undefined, text: `*${name}` };
    for (const chain of chains) {
      line += 1;
      if (line === wanted) return { key: ownerOf(plan, chain), text: `:${chain}` };
    }
    for (const [key, text] of lines) {
      const rows = text.split('\n').slice(0, -1);
      const found = rows[wanted - line - 1];
      if (found !== undefined) return { key, text: found };
      line += rows.length;
    }
    line += 1;
    if (line === wanted) return { key: undefined, text: 'COMMIT' };
  }
  return undefined;
}

function planSegments(plan: RestorePlan): readonly TableSegments[] {
  const { filter, nat } = staticChains(plan.settings);
  return [
    { name: 'filter', chains: filter, lines: filterLines(plan) },
    { name: 'nat', chains: natChains(plan, nat), lines: natLines(plan) },
  ];
}

function shared(text: string): Segment {
  return [undefined, text];
}

function* textsOf(segments: Iterable<Segment>): Generator<string> {
  for (const [, text] of segments) yield text;
}

function* portsOf({ view, skip }: RestorePlan): Generator<readonly [string, PortView]> {
  for (const entry of view.ports) if (skip?.has(entry[0]) !== true) yield entry;
}

function isWritten({ write }: RestorePlan, key: string): boolean {
  return write === 'all' || write.has(key);
}

function* filterLines(plan: RestorePlan): Generator<Segment> {
  const { settings, textOf } = plan;
  yield shared(renderRules(leadingRules(settings).filter));
  for (const [key, port] of portsOf(plan)) yield [key, textOf(key, port).filter];
  yield shared(renderRules(closingRules(settings).filter));
}

/**
 * Chains of ports come in descending order of their names. iptables-nft keeps chains in a list
 * sorted by name and searches the place of each one from the front: 20,000 chains with their rules
 * take it 54 s in the order of their hashed names, and 2 s in this order (1.8.9).
 */
function* natChains(plan: RestorePlan, first: readonly string[]): Generator<string> {
  yield* first;
  const own = [...plan.staleChains];
  for (const [key, port] of portsOf(plan)) {
    if (!isWritten(plan, key)) continue;
    for (const chain of plan.textOf(key, port).chains) own.push(chain);
  }
  yield* own.sort().reverse();
}

/** Returns the port that a chain is written for. */
function ownerOf(plan: RestorePlan, chain: string): string | undefined {
  for (const [key, port] of portsOf(plan)) {
    if (isWritten(plan, key) && plan.textOf(key, port).chains.includes(chain)) return key;
  }
  return undefined;
}

function* natLines(plan: RestorePlan): Generator<Segment> {
  const { settings, textOf, staleChains } = plan;
  yield shared(renderRules(leadingRules(settings).nat));
  for (const [key, port] of portsOf(plan)) {
    yield [key, textOf(key, port).nat];
    if (isWritten(plan, key)) yield [key, renderRules(planServiceRules(port, settings))];
  }
  for (const chain of staleChains) yield shared(`-X ${chain}\n`);
  yield shared(renderRules(closingRules(settings).nat));
}
