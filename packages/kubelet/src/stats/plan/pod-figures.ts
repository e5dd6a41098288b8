import type { Pressure } from '@nodeagent/cgroups';
import type { NetworkUsage, SandboxStats } from '@nodeagent/cri-client';

import type { MeasuredContainer, MeasuredPod, ReportedContainer } from '../model/measurement.js';
import type { InterfaceFigures } from '../model/usage.js';

/** CPU and memory figures that all pages use; undefined means unknown. */
export interface Figures {
  readonly atMs: number;
  readonly usageNs: number | undefined;
  readonly nanoCores: number | undefined;
  readonly workingSetBytes: number | undefined;
  readonly usageBytes: number | undefined;
  readonly rssBytes: number | undefined;
  /** Bytes left below the limit; undefined without a limit. */
  readonly availableBytes: number | undefined;
  readonly pageFaults: number | undefined;
  readonly majorPageFaults: number | undefined;
  readonly swapBytes: number | undefined;
  readonly swapLimitBytes: number | undefined;
  readonly cpuPressure: Pressure | undefined;
  readonly memoryPressure: Pressure | undefined;
  readonly ioPressure: Pressure | undefined;
}

/** The figures from a cgroup's files. */
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

/** The runtime's figures, completed from the cgroup's files. */
export function containerFigures(container: MeasuredContainer): Figures | undefined {
  const { reported, nanoCores } = container;
  return joined(cgroupFigures(container), reported, nanoCores);
}

function joined(
  files: Figures | undefined,
  reported: Omit<ReportedContainer, 'id' | 'writableLayer'> | undefined,
  nanoCores: number | undefined,
): Figures | undefined {
  if (reported?.cpu === undefined && reported?.memory === undefined) return files;
  const { cpu, memory, swap } = reported;
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

/**
 * Bytes left below the limit, matched to the reported working set, so that both figures are of the
 * same moment.
 */
function availableBytes(
  files: Figures | undefined,
  memory: ReportedContainer['memory'],
): number | undefined {
  const left = files?.availableBytes;
  // containerd reports 0 if there is no limit
  if (left === undefined) return memory?.availableBytes === 0 ? undefined : memory?.availableBytes;
  const read = files?.workingSetBytes;
  const reported = memory?.workingSetBytes ?? read;
  return read === undefined || reported === undefined ? left : Math.max(0, left + read - reported);
}

/** Completes the machine's figures of a pod with the runtime's. */
export function reportedPod(pod: MeasuredPod, reported: SandboxStats | undefined): MeasuredPod {
  return { ...pod, reported, interfaces: pod.interfaces ?? reportedInterfaces(reported?.network) };
}

/** CRI counts only bytes and errors; some runtimes report only the default interface. */
function reportedInterfaces(network: NetworkUsage | undefined): MeasuredPod['interfaces'] {
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

/**
 * The figures of the pod's own cgroup, else the runtime's figures, else the sum over its
 * containers.
 */
export function podFigures(pod: MeasuredPod): Figures | undefined {
  const { reported } = pod;
  const own = cgroupFigures(pod) ?? joined(undefined, reported, reported?.cpu?.usageNanoCores);
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
