import { formatTimestamp } from '@nodeagent/base';
import type { Pressure } from '@nodeagent/cgroups';

import type { VolumeFigures } from '../../volumes/index.js';
import type {
  ImageFsFigures,
  MeasuredContainer,
  MeasuredNode,
  MeasuredPod,
  NodeSurroundings,
  PodDisk,
} from '../model/measurement.js';
import type { FileSystemFigures, InterfaceFigures } from '../model/usage.js';
import { cgroupFigures, containerFigures, type Figures, podFigures } from '../plan/pod-figures.js';

type Json = Readonly<Record<string, unknown>>;

export interface SummaryInput {
  readonly nodeName: string;
  readonly node: MeasuredNode;
  /** Undefined for the short form, which contains only CPU and memory. */
  readonly surroundings: NodeSurroundings | undefined;
  /** Memory allocatable to pods; undefined until the node reports it. */
  readonly allocatableMemoryBytes: number | undefined;
}

/**
 * The interface that represents the whole network. @see Kubernetes 1.36 pkg/kubelet/stats/helper.go
 */
const DEFAULT_INTERFACE = 'eth0';

/**
 * Renders `/stats/summary` as JSON, one piece per pod. Unknown values are left out.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/kubelet/pkg/apis/stats/v1alpha1/types.go
 */
export function* summaryJson(input: SummaryInput): Generator<string> {
  yield `{"node":${JSON.stringify(nodeJson(input))},"pods":[`;
  let between = '';
  for (const pod of input.node.pods) {
    yield between + JSON.stringify(podJson(pod, input.surroundings));
    between = ',';
  }
  yield ']}';
}

function nodeJson({ nodeName, node, surroundings, allocatableMemoryBytes }: SummaryInput): Json {
  const { totalBytes, swapTotalBytes, swapFreeBytes } = node.memory;
  const root = cgroupFigures(node.root, totalBytes);
  const swap = {
    time: time(node.atMs),
    swapAvailableBytes: swapFreeBytes,
    swapUsageBytes: swapTotalBytes - swapFreeBytes,
  };
  const systems = node.systems.flatMap((system) => {
    const { name } = system;
    if (name === undefined) return [];
    const whole = system.path === '/' ? totalBytes : undefined;
    const limit = name === 'pods' ? (allocatableMemoryBytes ?? whole) : whole;
    const figures = limit === undefined ? cgroupFigures(system) : cgroupFigures(system, limit);
    const startTime = time(system.startedAtMs ?? node.bootMs);
    return [{ name, startTime, ...usage(figures), ...swapOf(figures) }];
  });
  return {
    nodeName,
    ...(systems.length > 0 && { systemContainers: systems }),
    startTime: time(node.bootMs),
    ...usage(root),
    ...(surroundings && wholeNode(node, surroundings)),
    swap,
  };
}

function wholeNode(node: MeasuredNode, surroundings: NodeSurroundings): Json {
  const { interfaces, processes, nodeFs, imageFs, containerFs } = surroundings;
  return {
    ...io(cgroupFigures(node.root)),
    network: network(interfaces, node.atMs),
    ...(nodeFs && { fs: fs(nodeFs, nodeFs.usedBytes, nodeFs.inodes - nodeFs.inodesFree) }),
    ...(imageFs && {
      runtime: {
        imageFs: imageFsJson(imageFs),
        ...(containerFs && { containerFs: imageFsJson(containerFs) }),
      },
    }),
    ...(processes && {
      rlimit: { time: time(node.atMs), maxpid: processes.max, curproc: processes.current },
    }),
  };
}

function imageFsJson({ fileSystem, usedBytes, inodesUsed }: ImageFsFigures): Json {
  return fs(fileSystem, usedBytes, inodesUsed);
}

function podJson(pod: MeasuredPod, surroundings: NodeSurroundings | undefined): Json {
  const { name, namespace, uid, disk } = pod;
  const figures = podFigures(pod);
  const containers = pod.containers.map((each) => containerJson(each, disk, surroundings));
  const short = {
    podRef: { name, namespace, uid },
    startTime: time(pod.startedAtMs),
    containers,
    ...usage(figures),
    ...swapOf(figures),
  };
  if (surroundings === undefined) return short;
  const { interfaces, usage: own } = pod;
  return {
    ...short,
    ...io(figures),
    ...(interfaces && { network: network(interfaces, own?.atMs ?? figures?.atMs ?? 0) }),
    ...(disk &&
      disk.volumes.length + disk.claimed.length > 0 && {
        volume: [...disk.volumes.map(volumeJson), ...disk.claimed.map(claimedJson)],
      }),
    ...(disk &&
      surroundings.nodeFs && { 'ephemeral-storage': ephemeral(pod, disk, surroundings.nodeFs) }),
    ...(own?.threads !== undefined && { process_stats: { process_count: own.threads } }),
  };
}

function containerJson(
  container: MeasuredContainer,
  disk: PodDisk | undefined,
  surroundings: NodeSurroundings | undefined,
): Json {
  const figures = containerFigures(container);
  const short = {
    name: container.name,
    startTime: time(container.startedAtMs),
    ...usage(figures),
    ...swapOf(figures),
  };
  if (surroundings === undefined) return short;
  const { nodeFs } = surroundings;
  const layer = container.reported?.writableLayer;
  const layerFs = (surroundings.containerFs ?? surroundings.imageFs)?.fileSystem;
  const logs = disk?.logs.get(container.name);
  return {
    ...short,
    ...io(figures),
    ...(layer &&
      layerFs && {
        rootfs: fs({ ...layerFs, atMs: layer.atMs }, layer.usedBytes, layer.inodesUsed),
      }),
    ...(logs &&
      nodeFs && {
        logs: fs({ ...nodeFs, atMs: disk?.atMs ?? 0 }, logs.usedBytes, logs.inodesUsed),
      }),
  };
}

function volumeJson({ name, used, fileSystem }: PodDisk['volumes'][number]): Json {
  return { ...fs(fileSystem, used.usedBytes, used.inodesUsed), name };
}

function claimedJson({ name, claim, abnormal, ...figures }: VolumeFigures): Json {
  return {
    ...fs(figures, figures.usedBytes, figures.inodesUsed),
    name,
    ...(claim && { pvcRef: { name: claim.name, namespace: claim.namespace } }),
    ...(abnormal !== undefined && { volumeHealthStats: { abnormal } }),
  };
}

/**
 * Sum of container layers and logs, volumes on the node's disk, and the kubelet's files for the
 * pod.
 */
function ephemeral(
  { containers }: MeasuredPod,
  { own, logs, volumes }: PodDisk,
  nodeFs: FileSystemFigures,
): Json {
  let [usedBytes, inodesUsed] = [own?.usedBytes ?? 0, own?.inodesUsed ?? 0];
  for (const { reported } of containers) {
    usedBytes += reported?.writableLayer?.usedBytes ?? 0;
    inodesUsed += reported?.writableLayer?.inodesUsed ?? 0;
  }
  const ephemeralVolumes = volumes.filter(({ isEphemeral }) => isEphemeral);
  for (const figures of [...logs.values(), ...ephemeralVolumes.map(({ used }) => used)]) {
    usedBytes += figures.usedBytes;
    inodesUsed += figures.inodesUsed;
  }
  return fs(nodeFs, usedBytes, inodesUsed);
}

function usage(figures: Figures | undefined): Json {
  if (figures === undefined) return {};
  const at = time(figures.atMs);
  const cpu = {
    time: at,
    usageNanoCores: figures.nanoCores,
    usageCoreNanoSeconds: figures.usageNs,
    ...psi(figures.cpuPressure),
  };
  const memory = {
    time: at,
    availableBytes: figures.availableBytes,
    usageBytes: figures.usageBytes,
    workingSetBytes: figures.workingSetBytes,
    rssBytes: figures.rssBytes,
    pageFaults: figures.pageFaults,
    majorPageFaults: figures.majorPageFaults,
    ...psi(figures.memoryPressure),
  };
  return {
    ...(figures.usageNs !== undefined && { cpu }),
    ...(figures.workingSetBytes !== undefined && { memory }),
  };
}

function swapOf(figures: Figures | undefined): Json {
  if (figures?.swapBytes === undefined) return {};
  const { atMs, swapBytes, swapLimitBytes } = figures;
  return {
    swap: {
      time: time(atMs),
      swapAvailableBytes:
        swapLimitBytes === undefined ? undefined : Math.max(0, swapLimitBytes - swapBytes),
      swapUsageBytes: swapBytes,
    },
  };
}

function io(figures: Figures | undefined): Json {
  if (figures?.ioPressure === undefined) return {};
  return { io: { time: time(figures.atMs), ...psi(figures.ioPressure) } };
}

function psi(pressure: Pressure | undefined): Json {
  if (pressure === undefined) return {};
  const of = (data: Pressure['some'] | undefined): Json => ({
    total: data?.totalUs ?? 0,
    avg10: data?.avg10Percent ?? 0,
    avg60: data?.avg60Percent ?? 0,
    avg300: data?.avg300Percent ?? 0,
  });
  return { psi: { full: of(pressure.full), some: of(pressure.some) } };
}

function network(interfaces: readonly InterfaceFigures[], atMs: number): Json {
  const all = interfaces.map(({ name, rxBytes, rxErrors, txBytes, txErrors }) => {
    return { name, rxBytes, rxErrors, txBytes, txErrors };
  });
  const main = all.find(({ name }) => name === DEFAULT_INTERFACE);
  return { time: time(atMs), ...(main ?? { name: '' }), interfaces: all };
}

function fs(
  { atMs, availableBytes, capacityBytes, inodes, inodesFree }: FileSystemFigures,
  usedBytes: number | undefined,
  inodesUsed: number | undefined,
): Json {
  return {
    time: time(atMs),
    ...{ availableBytes, capacityBytes, usedBytes, inodesFree, inodes, inodesUsed },
  };
}

function time(atMs: number): string {
  return formatTimestamp(atMs);
}
