import type { KubeletFiles } from '../assembly/index.js';
import type { PullRecordFiles } from '../images/index.js';
import type { RotationFiles } from '../logs/index.js';
import { parsePodUid, type ResourceRecordFile } from '../pod/index.js';
import type { PodFiles, UserNamespaceFiles } from '../runtime/index.js';
import type { PluginSockets, StorageFiles } from '../storage/index.js';
import type { Mounter, VolumeFiles } from '../volumes/index.js';
import type { MemoryDisk } from './memory-disk.js';
import { MemoryManifestFiles } from './memory-manifest-files.js';

/** The files of a node in memory: what the real ports put on disks, they put on a {@link MemoryDisk}. */
export function createMemoryNodeFiles(disk: MemoryDisk, rootDir: string): KubeletFiles {
  return {
    makeDirectory: async (path) => void disk.makeDirectory(path),
    pods: podFiles(disk, rootDir),
    volumes: volumeFiles(disk),
    mounter: createMemoryMounter(),
    subPaths: {
      bind: async ({ volumeDir, subPath, target }) => {
        disk.makeDirectory(`${volumeDir}/${subPath}`);
        disk.link(target, `${volumeDir}/${subPath}`);
      },
      read: async ({ volumeDir, subPath }) => disk.read(`${volumeDir}/${subPath}`) ?? '',
    },
    storage: storageFiles(disk),
    plugins: noPlugins,
    userNamespaces: userNamespaceFiles(disk, rootDir),
    pullRecords: pullRecordFiles(disk, rootDir),
    allocated: recordFile(disk, `${rootDir}/allocated_pods_state`),
    actuated: recordFile(disk, `${rootDir}/actuated_pods_state`),
    logs: { pods: async () => [], remove: async () => undefined },
    rotation: rotationFiles(disk),
    manifests: () => new MemoryManifestFiles(),
    manifestUrl: (url) => ({ url, fetch: async () => ({ httpStatus: 404, body: '' }) }),
  };
}

function podFiles(disk: MemoryDisk, rootDir: string): PodFiles {
  let serial = 0;
  return {
    makeDirectory: async (path) => (disk.makeDirectory(path) ? 'new' : 'there'),
    names: async (directory) => disk.names(directory),
    createMessageFile: async (uid, container) => {
      serial += 1;
      const name = serial.toString(16).padStart(8, '0');
      const path = `${rootDir}/pods/${uid}/containers/${container}/${name}`;
      disk.write(path, '');
      return path;
    },
    writeHostsFile: async (uid, text) => {
      const path = `${rootDir}/pods/${uid}/etc-hosts`;
      disk.write(path, text);
      return path;
    },
    hostsOfHost: async () => disk.read('/etc/hosts') ?? '',
    resolvConf: async (path) => disk.read(path) ?? '',
    readTail: async (path, maxBytes) => (disk.read(path) ?? '').slice(-maxBytes),
    linkLog: async (link, log) => disk.link(link, log),
    removeLogs: async (log, link) => {
      disk.remove(log);
      disk.remove(link);
    },
    removeEmptyLogs: async (directory) => {
      if (disk.names(directory).length === 0) disk.remove(directory);
    },
  };
}

function volumeFiles(disk: MemoryDisk): VolumeFiles {
  return {
    makeEmptyDir: async (path) => void disk.makeDirectory(path),
    makeMemoryDir: (base, path) => {
      if (disk.kindOf(base) !== 'directory') return false;
      disk.makeDirectory(path);
      return true;
    },
    link: async (path, target) => {
      const kind = disk.kindOf(path);
      if (kind !== undefined && kind !== 'link') return 'occupied';
      disk.link(path, target);
      return 'linked';
    },
    mark: async (path) => disk.write(path, ''),
    isMarked: async (path) => disk.kindOf(path) !== undefined,
    changeGroup: async () => undefined,
    writePayload: async (path, payload) => {
      disk.remove(path);
      disk.makeDirectory(path);
      for (const [name, { content }] of payload) {
        disk.write(`${path}/${name}`, Buffer.from(content).toString());
      }
    },
    checkHostPath: async () => undefined,
    realPath: async (path) => disk.linkTarget(path) ?? path,
    removeTree: async (path) => disk.remove(path),
    subdirectories: async (path) =>
      disk.names(path).filter((name) => disk.kindOf(`${path}/${name}`) === 'directory'),
  };
}

/** Knows what is mounted where, and shows it nobody. */
function createMemoryMounter(): Mounter {
  const mounts: string[] = [];
  const mount = async (path: string): Promise<void> => void mounts.push(path);
  return {
    mountTmpfs: mount,
    mountHugepages: mount,
    share: async () => undefined,
    bind: (_, target) => mount(target),
    unmount: async (path) => {
      const at = mounts.lastIndexOf(path);
      if (at >= 0) mounts.splice(at, 1);
    },
    isMountPoint: async (path) => mounts.includes(path),
    list: async () =>
      mounts.map((path) => ({ path, fsType: 'tmpfs', options: [], isShared: false })),
  };
}

function userNamespaceFiles(disk: MemoryDisk, rootDir: string): UserNamespaceFiles {
  const path = (uid: string): string => `${rootDir}/pods/${uid}/userns`;
  return {
    path,
    pods: async () => disk.names(`${rootDir}/pods`).flatMap((name) => parsePodUid(name) ?? []),
    read: async (uid) => disk.read(path(uid)),
    write: async (uid, text) => disk.write(path(uid), text),
  };
}

function pullRecordFiles(disk: MemoryDisk, rootDir: string): PullRecordFiles {
  const directory = (kind: string): string => `${rootDir}/image_manager/${kind}`;
  const path = (kind: string, name: string): string =>
    `${directory(kind)}/${encodeURIComponent(name)}`;
  return {
    read: async (kind, name) => disk.read(path(kind, name)),
    write: async (kind, name, text) => disk.write(path(kind, name), text),
    remove: async (kind, name) => disk.remove(path(kind, name)),
    texts: async (kind) =>
      disk.names(directory(kind)).map((name) => disk.read(`${directory(kind)}/${name}`) ?? ''),
  };
}

function recordFile(disk: MemoryDisk, path: string): ResourceRecordFile {
  return {
    path,
    read: async () => disk.read(path),
    write: async (text) => disk.write(path, text),
  };
}

function rotationFiles(disk: MemoryDisk): RotationFiles {
  return {
    sizeBytes: async (path) => disk.read(path)?.length,
    names: async (directory) => disk.names(directory),
    remove: async (path) => disk.remove(path),
    compress: async (path) => {
      const text = disk.read(path);
      if (text === undefined) return;
      disk.write(`${path}.gz`, text);
      disk.remove(path);
    },
    rename: async (from, to) => {
      disk.write(to, disk.read(from) ?? '');
      disk.remove(from);
    },
  };
}

function storageFiles(disk: MemoryDisk): StorageFiles {
  return {
    makeDirectory: async (path) => void disk.makeDirectory(path),
    readText: async (path) => disk.read(path),
    writeText: async (path, text) => disk.write(path, text),
    remove: async (path) => disk.remove(path),
    subdirectories: async (path) => disk.names(path),
  };
}

const noPlugins: PluginSockets = {
  list: async () => [],
  openRegistration: (path) => {
    throw new Error(`no plug-in registers in memory: ${path}`);
  },
  openDriver: (path) => {
    throw new Error(`no driver serves in memory: ${path}`);
  },
};
