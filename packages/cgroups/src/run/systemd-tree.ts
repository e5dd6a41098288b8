import type { Clock } from '@nodeagent/base';

import type { CgroupValues } from '../model/limits.js';
import { limitProperties, newSliceProperties, sliceName } from '../plan/unit-properties.js';
import type { CgroupTree } from '../ports.js';
import type { SystemdUnits } from './systemd-units.js';

export interface SystemdTreeOptions {
  readonly units: SystemdUnits;
  /** The kernel's cgroups under the names of slices. */
  readonly files: CgroupTree;
  /** Reports whether a process is in a cgroup or below it. */
  readonly isBusy: (path: string) => Promise<boolean>;
  /** The path of a cgroup, as systemd nests its slices. */
  readonly pathOf: (names: readonly string[]) => string;
  readonly version: 1 | 2;
  readonly clock: Clock;
}

/** A process is in its cgroup a moment longer than it lives. */
const BUSY_TRIES = 50;
const BUSY_WAIT_MS = 10;

/**
 * Cgroups that are slices of systemd. systemd writes what it knows of a unit to the kernel whenever it
 * likes, so it has to be told every limit.
 */
export function createSystemdTree(options: SystemdTreeOptions): CgroupTree {
  const { units, files, version } = options;
  /** Slices that were started or found here; systemd is asked only for the others. */
  const known = new Set<string>();

  const start = async (names: readonly string[], values: CgroupValues): Promise<void> => {
    const unit = sliceName(names);
    const limits = limitProperties(values, { version, systemd: await units.version() });
    const all = [...newSliceProperties(names, version), ...limits];
    if ((await units.startTransient(unit, all)) === 'started') return;
    // A unit below it, or an earlier agent, has brought it.
    if (limits.length > 0) await units.setProperties(unit, limits);
    await units.start(unit);
  };

  const bring = async (
    names: readonly string[],
    values: CgroupValues,
  ): Promise<'new' | 'there'> => {
    const unit = sliceName(names);
    if (known.has(unit) && (await files.limits(names)) !== undefined) return 'there';
    await start(names, values);
    known.add(unit);
    await units.settle();
    // systemd makes directories only for controllers that it knows.
    await files.ensure(names, {});
    return 'new';
  };

  const limit = async (names: readonly string[], values: CgroupValues): Promise<void> => {
    const limits = limitProperties(values, { version, systemd: await units.version() });
    if (limits.length === 0) return;
    await units.setProperties(sliceName(names), limits);
    await units.settle();
  };

  const stopAll = async (names: readonly string[]): Promise<void> => {
    for (const child of await files.children(names)) {
      const last = child.endsWith('.slice') ? child.slice(0, -'.slice'.length) : '';
      const name = last.split('-').at(-1) ?? '';
      if (name !== '') await stopAll([...names, name]);
    }
    const unit = sliceName(names);
    known.delete(unit);
    await units.stop(unit);
  };

  return {
    ensure: async (names, values) => {
      // systemd forgets a slice that was stopped, and then starts none below it.
      for (let depth = 1; depth < names.length; depth += 1) await bring(names.slice(0, depth), {});
      if ((await bring(names, values)) === 'there') await limit(names, values);
      const { hugepageBytes } = values;
      // systemd knows nothing of huge pages, and leaves their files alone
      if (hugepageBytes !== undefined) await files.ensure(names, { hugepageBytes });
    },
    remove: async (names) => {
      // Stopping a slice ends what runs in it; whoever wants that has killed it before.
      await waitUntilEmpty(names, options);
      await stopAll(names);
      await files.remove(names);
    },
    add: (names, pid) => files.add(names, pid),
    limits: (names) => files.limits(names),
    memoryUsage: (names) => files.memoryUsage(names),
    children: (names) => files.children(names),
    kill: (names) => files.kill(names),
  };
}

/** @throws EBUSY while processes are in it or below it */
async function waitUntilEmpty(
  names: readonly string[],
  { isBusy, pathOf, clock }: SystemdTreeOptions,
): Promise<void> {
  const path = pathOf(names);
  const never = new AbortController().signal;
  for (let tried = 1; await isBusy(path); tried += 1) {
    if (tried === BUSY_TRIES) {
      throw Object.assign(new Error(`EBUSY: processes are in ${path}`), { code: 'EBUSY' });
    }
    await clock.sleep(BUSY_WAIT_MS, never);
  }
}
