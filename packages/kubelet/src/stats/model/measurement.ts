import type { CgroupUsage } from '@nodeagent/cgroups';
import type { ContainerStats, SandboxStats } from '@nodeagent/cri-client';

import type {
  DirectoryFigures,
  FileSystemFigures,
  InterfaceFigures,
  MachineMemory,
  ProcessFigures,
} from './usage.js';

/** A cgroup that is measured, and by what it is told apart. */
export interface Measured {
  /** Its path; undefined where it could not be found. */
  readonly path: string | undefined;
  readonly usage: CgroupUsage | undefined;
  /** 10^9 is one core; undefined until there are two samples. */
  readonly nanoCores: number | undefined;
}

/** What the runtime says of one container. */
export type ToldContainer = Pick<
  ContainerStats,
  'id' | 'cpu' | 'memory' | 'swap' | 'writableLayer'
>;

export interface MeasuredContainer extends Measured {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly startedAtMs: number;
  /** What the runtime says; undefined when it was not asked, or does not know. */
  readonly told: ToldContainer | undefined;
}

export interface MeasuredPod extends Measured {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly startedAtMs: number;
  /** Its cgroup, where the pod's network was asked for. */
  readonly sandbox: Readonly<{ id: string; path: string | undefined }>;
  readonly containers: readonly MeasuredContainer[];
  /** What the runtime says of the whole, asked only where the machine does not show it. */
  readonly told: SandboxStats | undefined;
  /** Undefined for pods in the node's network, and where nobody could tell. */
  readonly interfaces: readonly InterfaceFigures[] | undefined;
  readonly disk: PodDisk | undefined;
}

/** What a pod has on disks, as last measured. */
export interface PodDisk {
  readonly atMs: number;
  readonly volumes: readonly MeasuredVolume[];
  /** By container name. */
  readonly logs: ReadonlyMap<string, DirectoryFigures>;
  /** What the kubelet itself keeps for the pod. */
  readonly own: DirectoryFigures | undefined;
}

export interface MeasuredVolume {
  readonly name: string;
  readonly used: DirectoryFigures;
  readonly fileSystem: FileSystemFigures;
  /** Counts for the pod's ephemeral storage. */
  readonly isEphemeral: boolean;
}

/** A cgroup of the node that belongs to no pod. */
export interface MeasuredSystem extends Measured {
  /** `pods`, `kubelet`, `runtime`, `misc`; undefined for those that have no name in the summary. */
  readonly name: string | undefined;
  readonly startedAtMs: number | undefined;
}

export interface MeasuredNode {
  readonly atMs: number;
  readonly bootMs: number;
  readonly root: Measured;
  readonly memory: MachineMemory;
  readonly systems: readonly MeasuredSystem[];
  readonly pods: readonly MeasuredPod[];
}

/** What only the whole summary tells. */
export interface NodeSurroundings {
  readonly interfaces: readonly InterfaceFigures[];
  readonly processes: ProcessFigures | undefined;
  readonly nodeFs: FileSystemFigures | undefined;
  /** Undefined where the runtime does not tell. */
  readonly imageFs: ImageFsFigures | undefined;
  /** The same file system as the images' where the runtime does not tell them apart. */
  readonly containerFs: ImageFsFigures | undefined;
}

export interface ImageFsFigures {
  readonly fileSystem: FileSystemFigures;
  /** By images, or by containers' own layers. */
  readonly usedBytes: number | undefined;
  readonly inodesUsed: number | undefined;
}
