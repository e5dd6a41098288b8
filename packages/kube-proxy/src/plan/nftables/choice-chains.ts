import type { NftKeyPart, NftRule } from '@nodeagent/netfilter/nftables';

import { SETS } from './sets.js';
import { fromPods, type NftSettings } from './settings.js';
import type { FilledChain } from './static-chains.js';

/**
 * How one endpoint of many is chosen. Services with the same number of endpoints share a chain: a
 * changed endpoint changes an element of a map, never a rule, and the kernel holds few chains and
 * rules however many Services there are.
 */
export interface Choice {
  /** The packet's destination: an address of the Service, or a port of the node. */
  readonly to: 'address' | 'node-port';
  readonly way:
    /** Any endpoint. */
    | 'any'
    /** Any endpoint; the endpoint sees the node as the sender. */
    | 'masqueraded'
    /** An endpoint on this node. */
    | 'local'
    /** For outsiders an endpoint on this node; for pods and the node itself any endpoint. */
    | 'policy';
  /** Number of endpoints to choose from; for `policy`, those for pods and the node. */
  readonly count: number;
  /**
   * For `policy`: number of endpoints on this node; with 0, packets of outsiders continue and are
   * dropped later.
   */
  readonly localCount?: number;
}

/** Returns the chain's name; equal choices have the same name. */
export function choiceName({ to, way, count, localCount }: Choice): string {
  const prefix = to === 'node-port' ? 'nodeport-' : '';
  return `${prefix}${way}-${count}${localCount === undefined ? '' : `-${localCount}`}`;
}

/** Lists the chains that this choice's chain continues with. */
export function choiceNeeds(choice: Choice): readonly Choice[] {
  const { to, way, count, localCount = 0 } = choice;
  if (way === 'masqueraded') return [{ to, way: 'any', count }];
  if (way !== 'policy') return [];
  return [
    ...(count > 0 ? [{ to, way: 'any', count } as const] : []),
    ...(localCount > 0 ? [{ to, way: 'local', count: localCount } as const] : []),
  ];
}

export function planChoice(choice: Choice, settings: NftSettings): FilledChain {
  return { chain: { name: choiceName(choice) }, rules: rulesOf(choice, settings) };
}

/** True for a chain that makes such a choice. */
export function isChoiceChain(name: string): boolean {
  return /^(nodeport-)?(any|masqueraded|local|policy)-\d/.test(name);
}

function rulesOf(choice: Choice, settings: NftSettings): readonly NftRule[] {
  const { to, way, count, localCount = 0 } = choice;
  const { masqueradeMark: bits } = settings;
  const any: NftRule['steps'][number] = {
    kind: 'goto',
    chain: choiceName({ to, way: 'any', count }),
  };
  switch (way) {
    case 'any':
      return [pick(to, count, to === 'address' ? SETS.endpoints : SETS.nodePortEndpoints)];
    case 'local': {
      const map = to === 'address' ? SETS.localEndpoints : SETS.localNodePortEndpoints;
      return [pick(to, count, map)];
    }
    case 'masqueraded':
      return [{ steps: [{ kind: 'set-mark', bits }, any] }];
    case 'policy':
      return [
        ...(count > 0 ? shortcuts(settings, any) : []),
        ...(localCount > 0
          ? [
              {
                steps: [
                  { kind: 'goto', chain: choiceName({ to, way: 'local', count: localCount }) },
                ],
              },
            ]
          : []),
      ] as readonly NftRule[];
  }
}

/** Pods and the node itself are not outsiders: they may reach every endpoint. */
export function shortcuts(
  { localTraffic, masqueradeMark: bits }: NftSettings,
  any: NftRule['steps'][number],
): readonly NftRule[] {
  const pods: NftRule[] =
    localTraffic === undefined
      ? []
      : [{ steps: [fromPods(localTraffic), any], comment: 'short-circuit pod traffic' }];
  return [
    ...pods,
    {
      steps: [{ kind: 'local-source' }, { kind: 'set-mark', bits }, any],
      comment: 'short-circuit local traffic',
    },
  ];
}

function pick(to: Choice['to'], count: number, map: Readonly<{ name: string }>): NftRule {
  const key: readonly NftKeyPart[] = [
    ...(to === 'address' ? (['destination'] as const) : []),
    'protocol',
    'destination-port',
    { random: count },
  ];
  return { steps: [{ kind: 'dnat-map', key, map: map.name }] };
}
