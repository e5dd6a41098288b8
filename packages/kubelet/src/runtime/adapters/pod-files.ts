import { randomBytes } from 'node:crypto';
import {
  chmod,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  rmdir,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import type { PodFiles } from '../ports.js';

const MAX_RESOLV_CONF_BYTES = 10 * 1024 * 1024;

/** @param rootDir the kubelet's */
export function createPodFiles(rootDir: string): PodFiles {
  const podDir = (uid: string): string => join(rootDir, 'pods', uid);
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
      await chmod(path, 0o666); // whatever our umask is: the container's user may be anyone
      return path;
    },
    writeHostsFile: async (uid, text) => {
      const path = join(podDir(uid), 'etc-hosts');
      // In place: running containers have this very file mounted.
      const write = (): Promise<void> => writeFile(path, text, { mode: 0o644 });
      await inDirectory(podDir(uid), 0o750, write);
      return path;
    },
    hostsOfHost: () => readFile('/etc/hosts', 'utf8').catch(absent('')),
    resolvConf: async (path) => {
      const { size, mtimeMs, ctimeMs, ino } = await stat(path);
      if (size > MAX_RESOLV_CONF_BYTES) throw new Error(`${path}: larger than 10 MiB`);
      const version = [ino, size, mtimeMs, ctimeMs].join(' ');
      const known = resolvConfs.get(path);
      if (known?.version === version) return known.text;
      const text = await readFile(path, 'utf8');
      resolvConfs.set(path, { version, text });
      return text;
    },
    readTail: (path, maxBytes) => readTail(path, maxBytes).catch(absent('')),
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

/** What was in a file, and what `stat` told of it before it was read. */
interface ReadFile {
  readonly version: string;
  readonly text: string;
}

/** Does it again when the directory had to be made first. */
async function inDirectory(path: string, mode: number, act: () => Promise<void>): Promise<void> {
  const isMissing = await act().then(() => false, absent(true));
  if (!isMissing) return;
  await mkdir(path, { recursive: true, mode });
  await act();
}

async function readTail(path: string, maxBytes: number): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const length = Math.min(size, maxBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
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
