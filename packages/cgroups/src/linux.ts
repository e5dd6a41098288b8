import { createCgroupEvents } from './adapters/cgroup-events.js';
import { createCgroupReadings } from './adapters/cgroup-readings.js';
import { createCgroupTree, hasCgroupV2 } from './adapters/cgroup-tree.js';
import { type CgroupDriver, cgroupPath } from './plan/cgroup-path.js';
import type { Cgroups } from './ports.js';

export { createCgroupEvents } from './adapters/cgroup-events.js';
export {
  blockDevice,
  type CgroupReadingsOptions,
  createCgroupReadings,
} from './adapters/cgroup-readings.js';
export { createCgroupTree, hasCgroupV2 } from './adapters/cgroup-tree.js';

export interface OpenOptions {
  /** How names become paths; `cgroupfs` when absent. */
  readonly driver?: CgroupDriver;
  /** Where cgroups are mounted; `/sys/fs/cgroup` when absent. */
  readonly mountpoint?: string;
  /** The wall clock, which stamps what is read; the machine's when absent. */
  readonly nowMs?: () => number;
}

/** The cgroups of this machine, of the version that is mounted. */
export async function openCgroups({
  driver = 'cgroupfs',
  mountpoint = '/sys/fs/cgroup',
  nowMs = Date.now,
}: OpenOptions = {}): Promise<Cgroups> {
  const version = (await hasCgroupV2(mountpoint)) ? 2 : 1;
  return {
    version,
    tree: await createCgroupTree(driver, mountpoint),
    readings: createCgroupReadings({ mountpoint, nowMs }),
    events: createCgroupEvents(version, mountpoint),
    pathOf: (names) => cgroupPath(names, driver),
  };
}
