import type { ImageService, RuntimeService } from '@nodeagent/cri-client';
import type { Node, Pod } from '@nodeagent/kube-client';

import type {
  DirectoryFigures,
  FileSystemFigures,
  InterfaceFigures,
  MachineMemory,
  ProcessFigures,
} from './model/usage.js';

/** What the container runtime is asked; all of it may be left unanswered but the lists. */
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

/** What /proc and file systems tell. */
export interface MachineReadings {
  memory(): Promise<MachineMemory>;
  processes(): Promise<ProcessFigures | undefined>;
  /** Since the Unix epoch. */
  bootTimeMs(): Promise<number>;
  /** This machine's own interfaces. */
  interfaces(): Promise<readonly InterfaceFigures[]>;
  /** Those of a process's network namespace; undefined when the process is gone. */
  interfacesOf(pid: number): Promise<readonly InterfaceFigures[] | undefined>;
  /** Undefined when the process is gone; for our own process without `pid`. */
  cgroupOf(pid?: number): Promise<string | undefined>;
  /** Of the file system that holds a path; undefined when there is no such path. */
  fileSystem(path: string): Promise<FileSystemFigures | undefined>;
  /** `/dev/vda1`, or `0:25` for what is on no block device. */
  deviceOf(path: string): Promise<string | undefined>;
}

/** Directories, walked: takes as long as there are files. */
export interface DirectoryReadings {
  /**
   * Everything below and the directory itself, on its own file system; a file by itself counts too.
   *
   * @returns undefined when there is no such path
   */
  measure(path: string, signal: AbortSignal): Promise<DirectoryFigures | undefined>;
}

/** What else the node knows of its pods. */
export interface PodPlaces {
  /** The pod's cgroup; undefined when it has none of its own. */
  cgroupOf(pod: Pod): string | undefined;
  /** The node's object, for what pods may use in all. */
  node(): Node | undefined;
}
