import {
  type Payload,
  payloadPathProblem,
  VolumeError,
  type VolumeFiles,
  withCleanPaths,
} from '../volumes/index.js';
import type { MemoryDisk } from './memory-disk.js';
import type { MemoryMounts } from './memory-mounts.js';

/** Volumes of pods on a {@link MemoryDisk}, without modes and groups. */
export function createMemoryVolumeFiles(disk: MemoryDisk, mounts: MemoryMounts): VolumeFiles {
  return {
    makeEmptyDir: async (path) => void disk.makeDirectory(path),
    makeMemoryDir: (base, path) => {
      if (disk.kindOf(base) !== 'directory') return false;
      disk.makeDirectory(path);
      return true;
    },
    makeRealDir: async (path) => {
      if (disk.kindOf(path) === 'directory') return 'found';
      disk.remove(path);
      disk.makeDirectory(path);
      return 'made';
    },
    writeLinks: async (dir, links) => {
      for (const name of disk.names(dir)) mounts.assertNone(`${dir}/${name}`);
      disk.take(dir);
      for (const [name, target] of links) disk.link(`${dir}/${name}`, target);
    },
    mark: async (path) => disk.append(path, ''),
    isMarked: async (path) => disk.kindOf(path) !== undefined,
    changeGroup: async () => undefined,
    writePayload: async (path, payload) => writePayload(disk, path, payload),
    checkHostPath: async (path, type) => checkHostPath(disk, path, type),
    realPath: async (path) => disk.resolve(path),
    removeTree: async (path) => {
      mounts.assertNone(path);
      disk.remove(path);
    },
    subdirectories: async (path) =>
      disk.names(path).filter((name) => disk.kindOf(`${path}/${name}`) === 'directory'),
  };
}

function writePayload(disk: MemoryDisk, path: string, payload: Payload): void {
  for (const name of payload.keys()) {
    const problem = payloadPathProblem(name);
    if (problem !== undefined) throw new VolumeError('VOLUME_SOURCE', problem);
  }
  disk.take(path);
  disk.makeDirectory(path);
  // There is one version of the files, in the directory itself.
  disk.link(`${path}/..data`, '.');
  for (const [name, { content }] of withCleanPaths(payload)) {
    disk.write(`${path}/${name}`, Buffer.from(content).toString());
  }
}

/** There are no sockets and devices in memory. */
const KIND_OF_TYPE: Readonly<Record<string, string>> = {
  Directory: 'directory',
  DirectoryOrCreate: 'directory',
  File: 'file',
  FileOrCreate: 'file',
};

function checkHostPath(disk: MemoryDisk, path: string, type: string): void {
  if (type === '') return;
  const place = disk.resolve(path);
  if (disk.kindOf(place) === undefined) {
    if (type === 'DirectoryOrCreate') disk.makeDirectory(place);
    if (type === 'FileOrCreate') disk.write(place, '');
  }
  const kind = disk.kindOf(place);
  if (kind !== undefined && kind === KIND_OF_TYPE[type]) return;
  const text = `hostPath type check failed: ${path} is not a ${KIND_OF_TYPE[type] ?? type}`;
  throw new VolumeError('VOLUME_HOST_PATH', text);
}
