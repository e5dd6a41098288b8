import { ManualClock } from '@nodeagent/base/testing';

import { MemoryCgroupReadings } from '../../src/testing/index.js';
import { BUSY_LIMITS, cgroupReadingsContract } from '../support/cgroup-readings-contract.js';

cgroupReadingsContract(async () => {
  const readings = new MemoryCgroupReadings(new ManualClock());
  let usageNs = 1000;
  const update = (): void =>
    readings.set('/busy', {
      cpu: { usageNs, throttling: { ...THROTTLING, periods: 5 } },
      memory: { usageBytes: 3000, workingSetBytes: 2000, rssBytes: 1000 },
      limits: BUSY_LIMITS,
      processes: [42],
      changedAtMs: 1,
    });
  update();
  return {
    readings,
    path: '/busy',
    pid: 42,
    burn: async () => {
      usageNs += 1000;
      update();
    },
    remove: async () => readings.remove('/busy'),
  };
});

const THROTTLING = {
  ...{ periods: 0, throttledPeriods: 0, throttledNs: 0 },
  ...{ burstPeriods: undefined, burstNs: undefined },
};
