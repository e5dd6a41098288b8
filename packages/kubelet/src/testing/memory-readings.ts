import type {
  DirectoryFigures,
  DirectoryReadings,
  FileSystemFigures,
  InterfaceFigures,
  MachineReadings,
} from '../stats/index.js';

/** A machine whose figures are this object's fields. */
export class MemoryMachineReadings implements MachineReadings {
  memoryFigures = { totalBytes: 0, freeBytes: 0, swapTotalBytes: 0, swapFreeBytes: 0 };
  bootMs = 0;
  own: readonly InterfaceFigures[] = [];
  /** Interfaces of a network namespace, by process id. */
  readonly networks = new Map<number, readonly InterfaceFigures[]>();
  /** By process id; the kubelet's own process is absent. */
  readonly cgroups = new Map<number, string>();
  /** By path. */
  readonly fileSystems = new Map<string, FileSystemFigures>();

  async memory(): ReturnType<MachineReadings['memory']> {
    return this.memoryFigures;
  }

  async processes(): ReturnType<MachineReadings['processes']> {
    return { max: 32_768, current: 100 };
  }

  async bootTimeMs(): Promise<number> {
    return this.bootMs;
  }

  async interfaces(): Promise<readonly InterfaceFigures[]> {
    return this.own;
  }

  async interfacesOf(pid: number): Promise<readonly InterfaceFigures[] | undefined> {
    return this.networks.get(pid);
  }

  async cgroupOf(pid?: number): Promise<string | undefined> {
    return pid === undefined ? '/' : this.cgroups.get(pid);
  }

  async fileSystem(path: string): Promise<FileSystemFigures | undefined> {
    return this.fileSystems.get(path);
  }

  async deviceOf(path: string): Promise<string | undefined> {
    return this.fileSystems.has(path) ? '/dev/vda1' : undefined;
  }
}

/** Directories whose figures the test sets. */
export class MemoryDirectoryReadings implements DirectoryReadings {
  readonly directories = new Map<string, DirectoryFigures | Error>();

  async measure(path: string): Promise<DirectoryFigures | undefined> {
    const found = this.directories.get(path);
    if (found instanceof Error) throw found;
    return found;
  }
}
