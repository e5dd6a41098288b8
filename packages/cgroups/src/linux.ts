import type { Clock, Logger } from '@nodeagent/base';
import { openBus } from '@nodeagent/dbus/unix';

import { isBusy } from './adapters/cgroup-busy.js';
import { createCgroupEvents } from './adapters/cgroup-events.js';
import { createCgroupReadings } from './adapters/cgroup-readings.js';
import { createCgroupTree, hasCgroupV2 } from './adapters/cgroup-tree.js';
import { type CgroupDriver, cgroupPath } from './plan/cgroup-path.js';
import type { Cgroups, OpenTree } from './ports.js';
import { openSystemdTree } from './run/open-systemd-tree.js';

export { createCgroupEvents } from './adapters/cgroup-events.js';
export {
  blockDevice,
  type CgroupReadingsOptions,
  createCgroupReadings,
} from './adapters/cgroup-readings.js';
export { createCgroupTree, hasCgroupV2 } from './adapters/cgroup-tree.js';

/** The layout of the cgroups of this machine. */
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

/** The driver decides who makes cgroups: this process, or systemd by D-Bus. */
export interface OpenTreeOptions {
  readonly driver: CgroupDriver;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where cgroups are mounted; `/sys/fs/cgroup` when absent. */
  readonly mountpoint?: string | undefined;
}

const PRIVATE_SOCKET = '/run/systemd/private';

/**
 * The cgroups of this machine to make and limit, through systemd or in the file system. systemd is
 * asked with the first change, by the system bus or, where there is none, by its own socket.
 *
 * @example
 * ```typescript
 * import { SILENT_LOGGER } from '@nodeagent/base';
 * import { createSystemClock } from '@nodeagent/base/system';
 * import { openTree } from '@nodeagent/cgroups/linux';
 *
 * const clock = createSystemClock();
 * const { tree } = await openTree({ driver: 'cgroupfs', clock, log: SILENT_LOGGER });
 * await tree.ensure(['shop', 'web'], { memoryLimitBytes: 64 * 2 ** 20 });
 * await tree.add(['shop', 'web'], process.pid);
 * ```
 */
export async function openTree({
  driver,
  clock,
  log,
  mountpoint = '/sys/fs/cgroup',
}: OpenTreeOptions): Promise<OpenTree> {
  const version = (await hasCgroupV2(mountpoint)) ? 2 : 1;
  const files = await createCgroupTree(driver, mountpoint);
  if (driver === 'systemd') {
    const dbus = openBus({ clock, privateSocket: PRIVATE_SOCKET });
    const busy = (path: string): Promise<boolean> => isBusy(path, mountpoint);
    return openSystemdTree({ dbus, files, isBusy: busy, version, clock, log });
  }
  return {
    version,
    tree: files,
    pathOf: (names) => cgroupPath(names, driver),
    expected: (values) => values,
    correct: (names, values) => files.ensure(names, values),
  };
}
