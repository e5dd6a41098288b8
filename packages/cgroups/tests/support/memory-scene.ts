import type { Cgroups } from '../../src/index.js';
import type { MemoryCgroups } from '../../src/testing/index.js';
import type { CgroupScene } from './cgroups-contract.js';

const THROTTLING = {
  ...{ periods: 5, throttledPeriods: 0, throttledNs: 0 },
  ...{ burstPeriods: undefined, burstNs: undefined },
};

/** @param cgroups that the suite sees, over those in memory */
export function memoryScene(memory: MemoryCgroups, cgroups: Cgroups = memory): CgroupScene {
  return {
    cgroups,
    top: 'contract',
    start: async (names) => {
      let usageNs = 0;
      const burn = async (): Promise<void> => {
        usageNs += 1000;
        memory.set(memory.pathOf(names), {
          cpu: { usageNs, throttling: THROTTLING },
          memory: { usageBytes: 3000, workingSetBytes: 2000, rssBytes: 1000 },
        });
      };
      await burn();
      await cgroups.tree.add(names, 42);
      return { pid: 42, burn, end: () => cgroups.tree.kill(names) };
    },
    exhaust: async (names) => memory.oomKill(memory.pathOf(names)),
  };
}
