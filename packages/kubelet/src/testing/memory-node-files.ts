import type { KubeletFiles } from '../assembly/index.js';
import type { LoopDevices, StorageFiles } from '../disks/index.js';
import type { PullRecordFiles } from '../images/index.js';
import type { RotationFiles } from '../logs/index.js';
import { parsePodUid, type ResourceRecordFile } from '../pod/index.js';
import type { LogLinks } from '../reclaim/index.js';
import type { PodFiles, UserNamespaceFiles } from '../runtime/index.js';
import type { PluginSockets } from '../storage/index.js';
import type { MemoryDisk } from './memory-disk.js';
import { MemoryManifestFiles } from './memory-manifest-files.js';
import { MemoryMounts } from './memory-mounts.js';
import { createMemoryVolumeFiles } from './memory-volume-files.js';

/** A node's files in memory: the ports keep on a {@link MemoryDisk} what real ones keep on disk. */
export function createMemoryNodeFiles(
  disk: MemoryDisk,
  rootDir: string,
  mounts = new MemoryMounts(disk),
): KubeletFiles {
  return {
    makeDirectory: async (path) => void disk.makeDirectory(path),
    pods: podFiles(disk, rootDir),
    volumes: createMemoryVolumeFiles(disk, mounts),
    mounter: mounts,
    subPaths: {
      bind: async ({ volumeDir, subPath, target }) => {
        disk.makeDirectory(`${disk.resolve(volumeDir)}/${subPath}`);
        if (await mounts.isMountPoint(target)) return;
        disk.makeDirectory(target);
        await mounts.bind(`${volumeDir}/${subPath}`, target);
      },
      read: async ({ volumeDir, subPath }) =>
        disk.read(`${disk.resolve(volumeDir)}/${subPath}`) ?? '',
    },
    storage: storageFiles(disk, mounts),
    loops: createMemoryLoops(),
    commands: { run: async () => ({ exitCode: 0, output: '' }) },
    plugins: noPlugins,
    userNamespaces: userNamespaceFiles(disk, rootDir),
    pullRecords: pullRecordFiles(disk, rootDir),
    allocated: recordFile(disk, `${rootDir}/allocated_pods_state`),
    actuated: recordFile(disk, `${rootDir}/actuated_pods_state`),
    checkpoints: { read: async (name) => disk.read(`${rootDir}/${name}`) },
    logs: { pods: async () => [], remove: async () => undefined },
    logLinks: logLinks(disk),
    rotation: rotationFiles(disk),
    manifests: () => new MemoryManifestFiles(),
    manifestUrl: (url) => ({ url, fetch: async () => ({ httpStatus: 404, body: '' }) }),
  };
}

const LINKS = '/var/log/containers';

function logLinks(disk: MemoryDisk): LogLinks {
  const path = (name: string): string => `${LINKS}/${name}`;
  return {
    dangling: async () =>
      disk.names(LINKS).filter((name) => {
        const target = disk.linkTarget(path(name));
        return target !== undefined && disk.kindOf(disk.resolve(target)) === undefined;
      }),
    remove: async (name) => disk.remove(path(name)),
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
    linkLog: async (link, log) => {
      const isNew = disk.kindOf(log) !== undefined && disk.kindOf(link) === undefined;
      if (isNew) disk.link(link, log);
    },
    removeLogs: async (log, link) => {
      const at = log.lastIndexOf('/');
      const [directory, name] = [log.slice(0, at), log.slice(at + 1)];
      const own = disk.names(directory).filter((one) => one.startsWith(name));
      for (const one of own) disk.remove(`${directory}/${one}`);
      disk.remove(link);
    },
    removeEmptyLogs: async (directory) => {
      for (const name of disk.names(directory)) removeIfEmpty(disk, `${directory}/${name}`);
      removeIfEmpty(disk, directory);
    },
  };
}

function removeIfEmpty(disk: MemoryDisk, path: string): void {
  if (disk.kindOf(path) === 'directory' && disk.names(path).length === 0) disk.remove(path);
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
    count: async (kind) => disk.names(directory(kind)).length,
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
    names: async (directory) => disk.names(disk.resolve(directory)),
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

function storageFiles(disk: MemoryDisk, mounts: MemoryMounts): StorageFiles {
  return {
    makeDirectory: async (path) => void disk.makeDirectory(path),
    readText: async (path) => disk.read(path),
    writeText: async (path, text) => disk.write(path, text),
    removeText: async (path) => disk.remove(path),
    remove: async (path) => {
      mounts.assertNone(path);
      if (disk.names(path).length > 0) throw new Error(`${path} is not empty`);
      disk.remove(path);
    },
    subdirectories: async (path) =>
      disk.names(path).filter((name) => disk.kindOf(`${path}/${name}`) === 'directory'),
    names: async (path) => disk.names(path),
    makeFile: async (path) => disk.write(path, disk.read(path) ?? ''),
    link: async (path, target) => disk.link(path, target),
    kindOf: async (path) => disk.kindOf(path),
    groupOf: async () => 0,
    realPath: async (path) => disk.resolve(path),
  };
}

/** A device for each path that one was asked for. */
function createMemoryLoops(): LoopDevices {
  const attached: string[] = [];
  return {
    attach: async (path) => {
      if (!attached.includes(path)) attached.push(path);
      return `/dev/loop${attached.indexOf(path)}`;
    },
    detach: async (path) => {
      const at = attached.indexOf(path);
      if (at >= 0) attached[at] = '';
    },
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
