import { type Clock, isAborted, type Logger } from '@nodeagent/base';
import type { LastingDbus } from '@nodeagent/dbus';

import { cgroupPath } from '../plan/cgroup-path.js';
import { valuesOfSystemd } from '../plan/unit-properties.js';
import type { CgroupTree, OpenTree } from '../ports.js';
import { createSystemdTree } from './systemd-tree.js';
import { SystemdUnits } from './systemd-units.js';

/** Slices are made by systemd over D-Bus; limits and figures go through the kernel's files. */
export interface SystemdTreeOptions {
  readonly dbus: LastingDbus;
  /** The kernel's cgroups under the names of slices. */
  readonly files: CgroupTree;
  /** Reports whether a process is in a cgroup or below it. */
  readonly isBusy: (path: string) => Promise<boolean>;
  readonly version: 1 | 2;
  readonly clock: Clock;
  readonly log: Logger;
}

const RETRY_MS = 10_000;

/** Cgroups that are slices of systemd, made and limited by its D-Bus interface. */
export function openSystemdTree(options: SystemdTreeOptions): OpenTree {
  const { dbus, files, version, clock, log } = options;
  const units = new SystemdUnits({ dbus, clock });
  const pathOf = (names: readonly string[]): string => cgroupPath(names, 'systemd');
  const tree = createSystemdTree({ ...options, units, pathOf });
  return {
    ...{ version, tree, pathOf, expected: valuesOfSystemd },
    correct: async (names, values) => {
      await tree.ensure(names, values);
      await files.ensure(names, values);
    },
    watchOverwrites: async (onOverwrite, signal) => {
      const open = dbus.keepOpen(signal, (err) =>
        log.warn({ err }, 'the connection to systemd ended or cannot be opened; is retried'),
      );
      while (!isAborted(signal)) {
        try {
          await units.onReload(onOverwrite);
          break;
        } catch (err) {
          log.warn({ err }, 'cannot follow systemd, which may overwrite limits; is retried');
          await clock.sleep(RETRY_MS, signal);
        }
      }
      await open;
      dbus.close();
    },
  };
}
