import { SILENT_LOGGER } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import { LastingDbus } from '@nodeagent/dbus';

import { checkTree, openSystemdTree } from '../../src/index.js';
import { MemoryCgroups, MemorySystemd } from '../../src/testing/index.js';
import { cgroupsContract } from '../support/cgroups-contract.js';
import { memoryScene } from '../support/memory-scene.js';

cgroupsContract(async () => {
  const clock = createSystemClock();
  const cgroups = new MemoryCgroups({ clock, driver: 'systemd' });
  const systemd = new MemorySystemd(cgroups);
  const { readings, events } = cgroups;
  const opened = openSystemdTree({
    ...{ files: cgroups.tree, version: 2, clock, log: SILENT_LOGGER },
    isBusy: async (path) => cgroups.isBusy(path),
    dbus: new LastingDbus({ open: () => systemd.bus.open(), clock }),
  });
  const { tree } = checkTree(opened, ({ path, differences }) => {
    throw new Error(`${path}: ${JSON.stringify(differences)}`);
  });
  const driven = { version: 2, tree, readings, events, pathOf: opened.pathOf } as const;
  return memoryScene(cgroups, driven);
});
