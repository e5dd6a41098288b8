import type { CgroupDriver } from '@nodeagent/cgroups';
import type { NodeEvents } from '@nodeagent/node-status';

import type { PodVolumes } from '../../pod/index.js';
import { enforceAllocatable, PodCgroups } from '../../resources/run/index.js';
import { allPodsLimits, cgroupRules } from '../plan/pod-rules.js';
import type { Parts } from './parts.js';

/** @param driver the runtime's own driver, or else the configured one */
export async function openCgroups(
  { config, adapters }: Parts,
  driver: CgroupDriver,
): Promise<PodCgroups> {
  const tree = await adapters.cgroups(driver);
  const layout = { driver, root: config.cgroupRoot };
  const cgroups = new PodCgroups({
    ...{ tree, layout, log: adapters.log },
    rules: cgroupRules(config),
  });
  if (config.cgroupsPerQOS) await cgroups.start();
  return cgroups;
}

/** Limits all pods together to allocatable resources if `enforceNodeAllocatable` includes pods. */
export async function holdPods(
  { config, adapters }: Parts,
  { cgroups, events }: Readonly<{ cgroups: PodCgroups; events: NodeEvents }>,
  signal: AbortSignal,
): Promise<void> {
  if (!config.cgroupsPerQOS || !config.enforceNodeAllocatable.includes('pods')) return;
  const limits = allPodsLimits(config, adapters.machine);
  await enforceAllocatable({ cgroups, limits, events, clock: adapters.clock }, signal);
}

/** A pod's cgroup goes with its files. */
export function withCgroups(volumes: PodVolumes, cgroups: PodCgroups): PodVolumes {
  return {
    prepare: (pod, signal) => volumes.prepare(pod, signal),
    podsOnDisk: (signal) => volumes.podsOnDisk(signal),
    teardown: async (uid, signal) => {
      await cgroups.remove(uid);
      await volumes.teardown(uid, signal);
    },
  };
}
