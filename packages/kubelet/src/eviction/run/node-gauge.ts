import type { Clock } from '@nodeagent/base';
import type { CgroupReadings } from '@nodeagent/cgroups';
import { isCriError } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

import { podUid } from '../../pod/index.js';
import type { CriStats, FileSystemFigures, MachineReadings } from '../../stats/index.js';
import { MEASURE, type NodeMeasurer } from '../../stats/run/index.js';
import type { DiskLayout, MeasuredPodUse } from '../model/snapshot.js';
import { type MemoryReading, nodeFigures } from '../plan/node-figures.js';
import { figuresOfPod } from '../plan/pod-use.js';
import type { NodeGauge } from '../ports.js';

export interface NodeGaugeOptions {
  readonly machine: Pick<MachineReadings, 'memory' | 'processes' | 'fileSystem' | 'deviceOf'>;
  readonly cgroups: Pick<CgroupReadings, 'read' | 'workingSetBytes'>;
  /** Path of the cgroup above all pods; undefined while there is none. */
  readonly podsCgroup: () => string | undefined;
  readonly cri: Pick<CriStats, 'imageFsInfo'>;
  readonly measurer: Pick<NodeMeasurer, 'measure'>;
  readonly rootDir: string;
  readonly clock: Clock;
}

/** The path of the cgroup that all others are below. */
const ROOT = '/';
const BRIEF = { full: false, limits: undefined } as const;

export function createNodeGauge(options: NodeGaugeOptions): NodeGauge {
  const { machine, cgroups, podsCgroup, measurer, rootDir, clock } = options;
  let layout: DiskLayout | undefined;
  const fileSystemOf = async (path: string | undefined): Promise<FileSystemFigures | undefined> =>
    path === undefined ? undefined : machine.fileSystem(path);
  /** By path, as of the last whole measurement: limits change rarely. */
  const limits = new Map<string, number | undefined>();
  const looked = async (path: string | undefined): Promise<MemoryReading | undefined> => {
    if (path === undefined) return undefined;
    const limitBytes = limits.get(path);
    if (limitBytes === undefined) return undefined;
    const workingSetBytes = await cgroups.workingSetBytes(path);
    if (workingSetBytes === undefined) return undefined;
    return { limitBytes, workingSetBytes, atMs: clock.nowMs() };
  };
  let mostProcesses: number | undefined;
  const counted: typeof machine.processes = async () => {
    const found = await machine.processes();
    mostProcesses = found?.max;
    return found;
  };
  return {
    node: async (signal) => {
      const disks = await mountpoints(options, signal);
      layout ??= await layoutOf(options, disks);
      const pods = podsCgroup();
      limits.clear();
      limits.set(ROOT, (await machine.memory()).totalBytes);
      if (pods !== undefined)
        limits.set(pods, (await cgroups.read(pods, BRIEF))?.limits.memoryBytes);
      const figures = nodeFigures({
        root: await looked(ROOT),
        pods: await looked(pods),
        processes: await counted(),
        nodeFs: await machine.fileSystem(rootDir),
        imageFs: await fileSystemOf(disks.images),
        containerFs: await fileSystemOf(disks.layers),
        nowMs: clock.nowMs(),
      });
      return { figures, layout };
    },
    soonScarce: async () =>
      nodeFigures({
        root: await looked(ROOT),
        pods: await looked(podsCgroup()),
        processes: await machine.processes(mostProcesses),
        ...{ nodeFs: undefined, imageFs: undefined, containerFs: undefined },
        nowMs: clock.nowMs(),
      }),
    pods: async (pods, signal) => {
      const node = await measurer.measure(pods, MEASURE.eviction, signal);
      const measured = new Map(node.pods.map((each) => [each.uid, each]));
      return pods.map((pod: Pod): MeasuredPodUse => {
        const found = measured.get(podUid(pod));
        return { pod, figures: found && figuresOfPod(found) };
      });
    },
  };
}

interface Mountpoints {
  readonly images: string | undefined;
  readonly layers: string | undefined;
}

async function mountpoints(
  { cri }: Pick<NodeGaugeOptions, 'cri'>,
  signal: AbortSignal,
): Promise<Mountpoints> {
  try {
    const { images, containers } = await cri.imageFsInfo(signal);
    const [image, layer] = [images[0]?.mountpoint, containers[0]?.mountpoint];
    return { images: image, layers: layer ?? image };
  } catch (error) {
    if (!isCriError(error, 'CRI_UNIMPLEMENTED')) throw error;
    return { images: undefined, layers: undefined };
  }
}

/** Decided once: file systems do not change under a running kubelet. */
async function layoutOf(
  { machine, rootDir }: Pick<NodeGaugeOptions, 'machine' | 'rootDir'>,
  { images, layers }: Mountpoints,
): Promise<DiskLayout> {
  const deviceOf = async (path: string | undefined): Promise<string | undefined> =>
    path === undefined ? undefined : machine.deviceOf(path);
  const [node, image, layer] = [
    await deviceOf(rootDir),
    await deviceOf(images),
    await deviceOf(layers),
  ];
  if (image === undefined || image === node) return 'one';
  return layer === image ? 'dedicated' : 'split';
}
