import type { ImageService, RuntimeService } from '@nodeagent/cri-client';
import type { Node, Pod } from '@nodeagent/kube-client';

import type { VolumeFigures } from '../volumes/index.js';
import type {
  DirectoryFigures,
  FileSystemFigures,
  InterfaceFigures,
  MachineMemory,
  ProcessFigures,
} from './model/usage.js';

/** The runtime's calls for statistics; a runtime must implement only the lists. */
export type CriStats = Pick<
  RuntimeService,
  | 'listPodSandbox'
  | 'listContainers'
  | 'listContainerStats'
  | 'listPodSandboxStats'
  | 'containerInfo'
  | 'podSandboxInfo'
  | 'statusInfo'
> &
  Pick<ImageService, 'imageFsInfo'>;

/** Figures from /proc and from file systems. */
export interface MachineReadings {
  memory(): Promise<MachineMemory>;
  /** @param max the limit of an earlier reading, which saves reading it again */
  processes(max?: number): Promise<ProcessFigures | undefined>;
  /** In milliseconds since the Unix epoch. */
  bootTimeMs(): Promise<number>;
  /** The machine's own interfaces. */
  interfaces(): Promise<readonly InterfaceFigures[]>;
  /** Interfaces in a process's network namespace; undefined if the process is gone. */
  interfacesOf(pid: number): Promise<readonly InterfaceFigures[] | undefined>;
  /** Undefined if the process is gone; without `pid`, our own process. */
  cgroupOf(pid?: number): Promise<string | undefined>;
  /** The file system that contains a path; undefined if the path does not exist. */
  fileSystem(path: string): Promise<FileSystemFigures | undefined>;
  /** `/dev/vda1`, or `0:25` for a file system without block device. */
  deviceOf(path: string): Promise<string | undefined>;
}

/** Measures directories by walking them; the time grows with the number of files. */
export interface DirectoryReadings {
  /**
   * Measures the directory and everything below it on the same file system. A path to a single file
   * counts that file.
   *
   * @returns undefined if the path does not exist
   */
  measure(path: string, signal: AbortSignal): Promise<DirectoryFigures | undefined>;
}

/** Directories whose use the kernel counts. */
export interface CountedDirectories {
  /** Tells whether to ask for its figures; others must be walked. */
  isCounted(path: string): boolean;
  /** @returns undefined if they cannot be had now */
  figures(path: string): Promise<DirectoryFigures | undefined>;
}

/** Volumes that are measured by their drivers. */
export interface ClaimedFigures {
  figures(pod: Pod, signal: AbortSignal): Promise<readonly VolumeFigures[]>;
}

/** Further facts about pods. */
export interface PodPlaces {
  /** The pod's cgroup; undefined if it has none of its own. */
  cgroupOf(pod: Pod): string | undefined;
  /** The node's object, for the allocatable resources. */
  node(): Node | undefined;
}
