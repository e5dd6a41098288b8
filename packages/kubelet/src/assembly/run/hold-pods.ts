import type { CgroupDriver } from '@nodeagent/cgroups';
import { ConfigError } from '@nodeagent/component-base';
import type { NodeEvents } from '@nodeagent/node-status';

import { keepUtilChains } from '../../node/run/index.js';
import type { PodVolumes } from '../../pod/index.js';
import {
  checkCgroups,
  type CheckedCgroups,
  enforceAllocatable,
  enforceReserved,
  meterProtected,
  PodCgroups,
} from '../../resources/run/index.js';
import { memoryQosRules } from '../plan/memory-qos-rules.js';
import { allPodsLimits, cgroupRules, hasUtilChains, reservedLimits } from '../plan/pod-rules.js';
import type { Parts } from './parts.js';

/** Cgroups of pods, and the loop that keeps their limits. */
export interface OpenCgroups {
  readonly cgroups: PodCgroups;
  readonly follow: CheckedCgroups['follow'];
}

/** @param driver the runtime's own driver, or else the configured one */
export async function openCgroups(
  { config, adapters }: Parts,
  { driver, events }: Readonly<{ driver: CgroupDriver; events: NodeEvents }>,
): Promise<OpenCgroups> {
  const { metrics, clock, log } = adapters;
  const opened = await adapters.cgroups(driver);
  const { tree, follow } = checkCgroups(opened, { metrics, clock, log, events });
  const layout = { driver, root: config.cgroupRoot };
  const memoryQos = memoryQosRules(config, adapters.machine);
  const cgroups = new PodCgroups({
    ...{ tree, layout, log, version: opened.version },
    rules: cgroupRules(config, { memoryQos, hugepageKib: adapters.machine.runtime.hugepageKib }),
    onProtected: memoryQos && meterProtected(metrics),
  });
  if (config.cgroupsPerQOS) await cgroups.start();
  return { cgroups, follow };
}

/** Limits all pods together, whatever `enforceNodeAllocatable` names: pods need their CPU weight. */
export async function holdPods(
  { config, adapters }: Parts,
  { cgroups, events }: Readonly<{ cgroups: PodCgroups; events: NodeEvents }>,
  signal: AbortSignal,
): Promise<void> {
  if (!config.cgroupsPerQOS) return;
  const processes = await adapters.readings.machine.processes();
  const limits = allPodsLimits(config, adapters.machine, processes?.max);
  await enforceAllocatable({ cgroups, limits, events, clock: adapters.clock }, signal);
}

/**
 * Limits the cgroups that `systemReservedCgroup` and `kubeReservedCgroup` name, if
 * `enforceNodeAllocatable` asks for it.
 *
 * @throws {ConfigError} `CONFIG_INVALID` if one cannot be limited
 */
export async function holdReserved(
  { config, identity, adapters }: Parts,
  { cgroups, events }: Readonly<{ cgroups: PodCgroups; events: NodeEvents }>,
): Promise<void> {
  const protectsMemory = memoryQosRules(config, adapters.machine) !== undefined;
  const { hugepageKib } = adapters.machine.runtime;
  const reserved = reservedLimits(config, { protectsMemory, hugepageKib });
  const problem = await enforceReserved({ cgroups, reserved, events });
  if (problem === undefined) return;
  const { source, field } = identity.placeOf(problem.field);
  throw new ConfigError('CONFIG_INVALID', {
    source,
    problems: [{ field, message: problem.message }],
  });
}

/** Makes the chains of iptables that other components look for, unless the configuration forbids it. */
export async function makeUtilChains(
  { config, adapters }: Parts,
  signal: AbortSignal,
): Promise<void> {
  const { filter: program, clock, log } = adapters;
  if (program === undefined || !hasUtilChains(config)) return;
  await keepUtilChains({ program, clock, log }, signal);
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
