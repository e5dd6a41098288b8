import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, rm, rmdir, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { readForeignTail, readForeignText } from '@nodeagent/base/files';

import type { PodUid } from '../../pod/index.js';
import type { PodFiles } from '../ports.js';

const MAX_RESOLV_CONF_BYTES = 10 * 1024 * 1024;
/** The administrator's own files, which systemd and others replace by links. */
const HOST_FILE = { links: 'followed', limitBytes: MAX_RESOLV_CONF_BYTES } as const;

/**
 * Keeps the files that pods mount, such as `/etc/hosts`, below `<rootDir>/pods/<uid>`.
 *
 * @param rootDir the kubelet's root directory
 */
export function createPodFiles(rootDir: string): PodFiles {
  const podDir = (uid: PodUid): string => join(rootDir, 'pods', uid);
  const resolvConfs = new Map<string, ReadFile>();
  return {
    makeDirectory: async (path) => {
      const made = await mkdir(path, { recursive: true, mode: 0o755 });
      return made === undefined ? 'there' : 'new';
    },
    names: (directory) => readdir(directory).catch(absent<string[]>([])),
    createMessageFile: async (uid, container) => {
      const dir = join(podDir(uid), 'containers', container);
      await mkdir(dir, { recursive: true, mode: 0o750 });
      const path = join(dir, randomBytes(4).toString('hex'));
      await writeFile(path, '', { flag: 'wx' });
      await chmod(path, 0o666); // independent of our umask: the container may run as any user
      return path;
    },
    writeHostsFile: async (uid, text) => {
      const path = join(podDir(uid), 'etc-hosts');
      // Written in place, because running containers have this very file mounted.
      const write = (): Promise<void> => writeFile(path, text, { mode: 0o644 });
      await inDirectory(podDir(uid), 0o750, write);
      return path;
    },
    hostsOfHost: async () => (await readForeignText('/etc/hosts', HOST_FILE)) ?? '',
    resolvConf: async (path) => {
      const { size, mtimeMs, ctimeMs, ino } = await stat(path);
      if (size > MAX_RESOLV_CONF_BYTES) throw new Error(`${path}: larger than 10 MiB`);
      const version = [ino, size, mtimeMs, ctimeMs].join(' ');
      const known = resolvConfs.get(path);
      if (known?.version === version) return known.text;
      const text = (await readForeignText(path, HOST_FILE)) ?? '';
      resolvConfs.set(path, { version, text });
      return text;
    },
    // A container's volume may be mounted over the directory of its message or log.
    readTail: async (path, limitBytes, links) => {
      const tail = await readForeignTail(path, { links, limitBytes });
      return tail?.toString('utf8') ?? '';
    },
    linkLog: async (link, log) => {
      if (!(await exists(log))) return;
      await inDirectory(dirname(link), 0o755, async () => {
        await symlink(log, link).catch((error: unknown) => {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        });
      });
    },
    removeLogs: async (log, link) => {
      const dir = dirname(log);
      const names = await readdir(dir).catch(absent<string[]>([]));
      const own = names.filter((name) => name.startsWith(basename(log)));
      await Promise.all([
        ...own.map((name) => rm(join(dir, name), { force: true })),
        rm(link, { force: true }),
      ]);
    },
    removeEmptyLogs: async (path) => {
      const names = await readdir(path).catch(absent<string[]>([]));
      for (const name of names) await removeIfEmpty(join(path, name));
      await removeIfEmpty(path);
    },
  };
}

/** The content of a file, and its `stat` from before the read. */
interface ReadFile {
  readonly version: string;
  readonly text: string;
}

/** Creates the missing directory and tries again. */
async function inDirectory(path: string, mode: number, act: () => Promise<void>): Promise<void> {
  const isMissing = await act().then(() => false, absent(true));
  if (!isMissing) return;
  await mkdir(path, { recursive: true, mode });
  await act();
}

async function removeIfEmpty(path: string): Promise<void> {
  await rmdir(path).catch((error: unknown) => {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EEXIST'].includes(code)) throw error;
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, absent(false));
}

function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return value;
    throw error;
  };
}
