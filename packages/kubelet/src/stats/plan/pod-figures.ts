import type { Pressure } from '@nodeagent/cgroups';
import type { NetworkUsage, SandboxStats } from '@nodeagent/cri-client';

import type { MeasuredContainer, MeasuredPod, ToldContainer } from '../model/measurement.js';
import type { InterfaceFigures } from '../model/usage.js';

/** CPU and memory of something as all pages tell it; absent is not known. */
export interface Figures {
  readonly atMs: number;
  readonly usageNs: number | undefined;
  readonly nanoCores: number | undefined;
  readonly workingSetBytes: number | undefined;
  readonly usageBytes: number | undefined;
  readonly rssBytes: number | undefined;
  /** Until the limit; absent without one. */
  readonly availableBytes: number | undefined;
  readonly pageFaults: number | undefined;
  readonly majorPageFaults: number | undefined;
  readonly swapBytes: number | undefined;
  readonly swapLimitBytes: number | undefined;
  readonly cpuPressure: Pressure | undefined;
  readonly memoryPressure: Pressure | undefined;
  readonly ioPressure: Pressure | undefined;
}

/** Of a cgroup by its files. */
export function cgroupFigures(
  { usage, nanoCores }: Pick<MeasuredPod, 'usage' | 'nanoCores'>,
  limitBytes = usage?.limits.memoryBytes,
): Figures | undefined {
  if (usage === undefined) return undefined;
  const { atMs, cpu, memory, ioPressure } = usage;
  return {
    ...{ atMs, nanoCores, ioPressure },
    usageNs: cpu?.usageNs,
    workingSetBytes: memory?.workingSetBytes,
    usageBytes: memory?.usageBytes,
    rssBytes: memory?.rssBytes,
    availableBytes:
      memory === undefined || limitBytes === undefined
        ? undefined
        : Math.max(0, limitBytes - memory.workingSetBytes),
    pageFaults: memory?.pageFaults,
    majorPageFaults: memory?.majorPageFaults,
    swapBytes: memory?.swapBytes,
    swapLimitBytes: usage.limits.swapBytes,
    cpuPressure: cpu?.pressure,
    memoryPressure: memory?.pressure,
  };
}

/** What the runtime says, and what the files say where it says nothing. */
export function containerFigures(container: MeasuredContainer): Figures | undefined {
  const { told, nanoCores } = container;
  return joined(cgroupFigures(container), told, nanoCores);
}

function joined(
  files: Figures | undefined,
  told: Omit<ToldContainer, 'id' | 'writableLayer'> | undefined,
  nanoCores: number | undefined,
): Figures | undefined {
  if (told?.cpu === undefined && told?.memory === undefined) return files;
  const { cpu, memory, swap } = told;
  return {
    atMs: cpu?.atMs ?? memory?.atMs ?? 0,
    usageNs: cpu?.usageCoreNs ?? files?.usageNs,
    nanoCores,
    workingSetBytes: memory?.workingSetBytes ?? files?.workingSetBytes,
    usageBytes: memory?.usageBytes ?? files?.usageBytes,
    rssBytes: memory?.rssBytes ?? files?.rssBytes,
    availableBytes: availableBytes(files, memory),
    pageFaults: memory?.pageFaults ?? files?.pageFaults,
    majorPageFaults: memory?.majorPageFaults ?? files?.majorPageFaults,
    swapBytes: swap?.usageBytes ?? files?.swapBytes,
    swapLimitBytes: files?.swapLimitBytes,
    cpuPressure: files?.cpuPressure,
    memoryPressure: files?.memoryPressure,
    ioPressure: files?.ioPressure,
  };
}

/** What is left of the limit in the files beside the working set that is told: both of one moment. */
function availableBytes(
  files: Figures | undefined,
  memory: ToldContainer['memory'],
): number | undefined {
  const left = files?.availableBytes;
  // containerd tells 0 where there is no limit
  if (left === undefined) return memory?.availableBytes === 0 ? undefined : memory?.availableBytes;
  const read = files?.workingSetBytes;
  const told = memory?.workingSetBytes ?? read;
  return read === undefined || told === undefined ? left : Math.max(0, left + read - told);
}

/** Completes what the machine shows of a pod by what the runtime says of it. */
export function toldPod(pod: MeasuredPod, told: SandboxStats | undefined): MeasuredPod {
  return { ...pod, told, interfaces: pod.interfaces ?? toldInterfaces(told?.network) };
}

/** CRI counts bytes and errors only; some runtimes tell the default interface alone. */
function toldInterfaces(network: NetworkUsage | undefined): MeasuredPod['interfaces'] {
  if (network === undefined) return undefined;
  const { defaultInterface, interfaces } = network;
  const isListed = interfaces.some(({ name }) => name === defaultInterface?.name);
  const all = isListed || !defaultInterface ? interfaces : [defaultInterface, ...interfaces];
  return all.map(
    ({ name, rxBytes = 0, rxErrors = 0, txBytes = 0, txErrors = 0 }): InterfaceFigures => ({
      ...{ name, rxBytes, rxErrors, txBytes, txErrors },
      ...{ rxPackets: 0, rxDropped: 0, txPackets: 0, txDropped: 0 },
    }),
  );
}

/** By the pod's own cgroup, by what the runtime says of it, or else the sum of its containers. */
export function podFigures(pod: MeasuredPod): Figures | undefined {
  const { told } = pod;
  const own = cgroupFigures(pod) ?? joined(undefined, told, told?.cpu?.usageNanoCores);
  if (own !== undefined) return own;
  const all = pod.containers.flatMap((container) => containerFigures(container) ?? []);
  if (all.length === 0) return undefined;
  const sum = (of: (figures: Figures) => number | undefined): number | undefined => {
    const known = all.flatMap((figures) => of(figures) ?? []);
    return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
  };
  return {
    atMs: Math.max(...all.map(({ atMs }) => atMs)),
    usageNs: sum(({ usageNs }) => usageNs),
    nanoCores: sum(({ nanoCores }) => nanoCores),
    workingSetBytes: sum(({ workingSetBytes }) => workingSetBytes),
    usageBytes: sum(({ usageBytes }) => usageBytes),
    rssBytes: sum(({ rssBytes }) => rssBytes),
    availableBytes: undefined,
    pageFaults: sum(({ pageFaults }) => pageFaults),
    majorPageFaults: sum(({ majorPageFaults }) => majorPageFaults),
    swapBytes: sum(({ swapBytes }) => swapBytes),
    swapLimitBytes: undefined,
    ...{ cpuPressure: undefined, memoryPressure: undefined, ioPressure: undefined },
  };
}
