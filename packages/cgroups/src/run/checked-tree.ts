import type { CgroupValues } from '../model/limits.js';
import { type LimitDifference, limitDifferences } from '../plan/differences.js';
import type { CgroupTree, OpenTree } from '../ports.js';

/** A cgroup whose limits in the kernel are not those that were set. */
export interface CgroupDifference {
  readonly path: string;
  readonly differences: readonly LimitDifference[];
  /** Differences that remain after the limits were set once more; empty: they hold now. */
  readonly remaining: readonly LimitDifference[];
}

/** A tree whose limits are read back from the kernel after each change. */
export interface CheckedTree {
  readonly tree: CgroupTree;
  /** Reads all limits back that were set, and sets again what differs. */
  recheck(): Promise<void>;
}

/**
 * Reads limits back from the kernel after each change: a write that succeeds says little where
 * another program has the same cgroup.
 *
 * @param onDifference must not throw
 */
export function checkTree(
  { tree, version, pathOf, expected, correct }: OpenTree,
  onDifference: (difference: CgroupDifference) => void,
): CheckedTree {
  /** By path: limits that were set and the names to set them by. */
  const set = new Map<string, { names: readonly string[]; values: CgroupValues }>();
  /** By path: changes take turns, or one would read what another has set. */
  const turns = new Map<string, Promise<void>>();

  const inTurn = async (path: string, work: () => Promise<void>): Promise<void> => {
    const before = turns.get(path);
    const turn = (async () => {
      await before?.catch(() => undefined); // its own caller hears of it
      await work();
    })();
    turns.set(path, turn);
    try {
      await turn;
    } finally {
      if (turns.get(path) === turn) turns.delete(path);
    }
  };

  const differing = async (
    names: readonly string[],
    values: CgroupValues,
  ): Promise<readonly LimitDifference[]> => {
    const found = await tree.limits(names);
    return found === undefined ? [] : limitDifferences(expected(values), found, version);
  };

  const check = async (names: readonly string[], values: CgroupValues): Promise<void> => {
    const differences = await differing(names, values);
    if (differences.length === 0) return;
    await correct(names, expected(values));
    const remaining = await differing(names, values);
    onDifference({ path: pathOf(names), differences, remaining });
  };

  return {
    tree: {
      ensure: (names, values) => {
        const path = pathOf(names);
        return inTurn(path, async () => {
          await tree.ensure(names, values);
          set.set(path, { names, values: merged(set.get(path)?.values, values) });
          await check(names, values);
        });
      },
      remove: async (names) => {
        const path = pathOf(names);
        await inTurn(path, () => tree.remove(names));
        for (const one of [...set.keys()]) {
          if (one === path || one.startsWith(`${path}/`)) set.delete(one);
        }
      },
      add: (names, pid) => tree.add(names, pid),
      limits: (names) => tree.limits(names),
      memoryUsage: (names) => tree.memoryUsage(names),
      children: (names) => tree.children(names),
      kill: (names) => tree.kill(names),
    },
    recheck: async () => {
      for (const [path, { names }] of [...set]) {
        await inTurn(path, async () => {
          const values = set.get(path)?.values; // a change that came before has others
          if (values !== undefined) await check(names, values);
        });
      }
    },
  };
}

function merged(before: CgroupValues | undefined, values: CgroupValues): CgroupValues {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return { ...before, ...Object.fromEntries(given) };
}
