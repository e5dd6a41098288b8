import type { CgroupUsage } from '@nodeagent/cgroups';
import type { ContainerStats, SandboxStats } from '@nodeagent/cri-client';

import type { VolumeFigures } from '../../volumes/index.js';
import type {
  DirectoryFigures,
  FileSystemFigures,
  InterfaceFigures,
  MachineMemory,
  ProcessFigures,
} from './usage.js';

/** A measured cgroup. */
export interface Measured {
  /** The cgroup's path; undefined if it could not be found. */
  readonly path: string | undefined;
  readonly usage: CgroupUsage | undefined;
  /** 10^9 is one core; undefined until there are two samples. */
  readonly nanoCores: number | undefined;
}

/** The runtime's own figures of one container. */
export type ReportedContainer = Pick<
  ContainerStats,
  'id' | 'cpu' | 'memory' | 'swap' | 'writableLayer'
>;

export interface MeasuredContainer extends Measured {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly startedAtMs: number;
  /** The runtime's figures; undefined if it was not asked or does not know them. */
  readonly reported: ReportedContainer | undefined;
}

export interface MeasuredPod extends Measured {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly startedAtMs: number;
  /** Its cgroup path is set only if the pod's network was requested. */
  readonly sandbox: Readonly<{ id: string; path: string | undefined }>;
  readonly containers: readonly MeasuredContainer[];
  /** The runtime's figures of the whole pod; requested only if the machine shows none. */
  readonly reported: SandboxStats | undefined;
  /** Undefined for pods on the host network, and if no source knows. */
  readonly interfaces: readonly InterfaceFigures[] | undefined;
  readonly disk: PodDisk | undefined;
}

/** Disk usage of a pod as last measured. */
export interface PodDisk {
  readonly atMs: number;
  readonly volumes: readonly MeasuredVolume[];
  /** Volumes by claims and of drivers. */
  readonly claimed: readonly VolumeFigures[];
  /** By container name. */
  readonly logs: ReadonlyMap<string, DirectoryFigures>;
  /** Files that the kubelet itself keeps for the pod. */
  readonly own: DirectoryFigures | undefined;
}

export interface MeasuredVolume {
  readonly name: string;
  readonly used: DirectoryFigures;
  readonly fileSystem: FileSystemFigures;
  /** True if the volume counts towards the pod's ephemeral storage. */
  readonly isEphemeral: boolean;
}

/** A cgroup of the node that belongs to no pod. */
export interface MeasuredSystem extends Measured {
  /**
   * `pods`, `kubelet`, `runtime` or `misc`; undefined for cgroups that the summary does not name.
   */
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

/** Figures that only the full summary contains. */
export interface NodeSurroundings {
  readonly interfaces: readonly InterfaceFigures[];
  readonly processes: ProcessFigures | undefined;
  readonly nodeFs: FileSystemFigures | undefined;
  /** Undefined if the runtime does not report it. */
  readonly imageFs: ImageFsFigures | undefined;
  /** Equals the image file system if the runtime does not distinguish the two. */
  readonly containerFs: ImageFsFigures | undefined;
}

export interface ImageFsFigures {
  readonly fileSystem: FileSystemFigures;
  /** Bytes used by images, or by containers' writable layers. */
  readonly usedBytes: number | undefined;
  readonly inodesUsed: number | undefined;
}
