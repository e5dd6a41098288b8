import { createSystemClock } from '@nodeagent/base/system';

import { MemoryCgroups } from '../../src/testing/index.js';
import { cgroupsContract } from '../support/cgroups-contract.js';

const THROTTLING = {
  ...{ periods: 5, throttledPeriods: 0, throttledNs: 0 },
  ...{ burstPeriods: undefined, burstNs: undefined },
};

cgroupsContract(async () => {
  const cgroups = new MemoryCgroups({ clock: createSystemClock() });
  return {
    cgroups,
    top: 'contract',
    start: async (names) => {
      let usageNs = 0;
      const burn = async (): Promise<void> => {
        usageNs += 1000;
        cgroups.set(cgroups.pathOf(names), {
          cpu: { usageNs, throttling: THROTTLING },
          memory: { usageBytes: 3000, workingSetBytes: 2000, rssBytes: 1000 },
        });
      };
      await burn();
      await cgroups.tree.add(names, 42);
      return { pid: 42, burn, end: () => cgroups.tree.kill(names) };
    },
    exhaust: async (names) => cgroups.oomKill(cgroups.pathOf(names)),
  };
});
