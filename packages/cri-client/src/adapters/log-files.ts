import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createGunzip } from 'node:zlib';

import { openForeignFile } from '@nodeagent/base/files';

import { CriError } from '../model/errors.js';
import type { LogFile, LogFiles, LogWatch, RotatedLog } from '../ports.js';

/**
 * Interval of checks for changes that cause no event: in a log behind a symbolic link, or on a file
 * system without inotify.
 */
const CHECK_MS = 1000;

/** Log files on the machine's own file system. */
export function createLogFiles(): LogFiles {
  return {
    open: (path) => openLog(path).catch(ifPresent(path)),
    idOf: async (path) => {
      const found = await stat(path, { bigint: true }).catch(ifPresent(path));
      return found === undefined ? undefined : `${found.dev}:${found.ino}`;
    },
    watch: watchLog,
    rotated: listRotated,
    blocks: readWhole,
  };
}

const BLOCK_BYTES = 64 * 1024;
/** With cri-dockerd a log is a link to Docker's own log. */
const LOG = { links: 'followed' } as const;
/** The name pattern of files that a kubelet rotated. */
const ROTATED = /^\.(\d{8}-\d{6})(\.gz)?$/;

async function listRotated(path: string): Promise<readonly RotatedLog[]> {
  const [directory, base] = [dirname(path), basename(path)];
  const names = await readdir(directory).catch(ifPresent(path));
  const byStamp = new Map<string, string>();
  for (const name of names ?? []) {
    const [, stamp, packed] = name.startsWith(base)
      ? (ROTATED.exec(name.slice(base.length)) ?? [])
      : [];
    // both files exist while the compressed one is being written
    if (stamp !== undefined && (packed === undefined || !byStamp.has(stamp)))
      byStamp.set(stamp, name);
  }
  const stamps = [...byStamp.keys()].sort();
  const found = await Promise.all(
    stamps.map(async (stamp) => {
      const file = join(directory, byStamp.get(stamp) ?? '');
      const known = await stat(file, { bigint: true }).catch(ifPresent(file));
      if (known === undefined) return [];
      return [{ path: file, id: `${known.dev}:${known.ino}`, modifiedMs: Number(known.mtimeMs) }];
    }),
  );
  return found.flat();
}

async function* readWhole(path: string): AsyncGenerator<Uint8Array> {
  const plain = path.replace(/\.gz$/, '');
  for (const name of [path, plain === path ? `${path}.gz` : plain]) {
    const handle = await openForeignFile(name, LOG).catch(ifPresent(name));
    if (handle === undefined) continue;
    const file = handle.createReadStream({ highWaterMark: BLOCK_BYTES });
    const packed = name.endsWith('.gz');
    const unpacked = packed ? createGunzip({ chunkSize: BLOCK_BYTES }) : undefined;
    try {
      if (unpacked === undefined) yield* file as AsyncIterable<Buffer>;
      else {
        file.once('error', (error) => unpacked.destroy(error));
        yield* file.pipe(unpacked) as AsyncIterable<Buffer>;
      }
    } catch (cause) {
      throw ioError(name, cause);
    } finally {
      file.destroy();
      unpacked?.destroy();
    }
    return;
  }
}

async function openLog(path: string): Promise<LogFile> {
  const handle = await openForeignFile(path, LOG);
  const failed = (cause: unknown): never => {
    throw ioError(path, cause);
  };
  const { dev, ino } = await handle.stat({ bigint: true }).catch(async (cause: unknown) => {
    await handle.close();
    return failed(cause);
  });
  return {
    id: `${dev}:${ino}`,
    sizeBytes: async () => (await handle.stat().catch(failed)).size,
    read: async (position, target) =>
      (await handle.read(target, 0, target.length, position).catch(failed)).bytesRead,
    close: () => handle.close(),
  };
}

function watchLog(path: string): LogWatch {
  let dirty = false;
  let wake = (): void => undefined;
  const touched = (): void => {
    dirty = true;
    wake();
  };
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dirname(path), (_event, name) => {
      if (name === null || name === basename(path)) touched();
    });
    // regular checks continue without events
    watcher.on('error', () => watcher?.close());
  } catch (cause) {
    throw ioError(path, cause);
  }
  return {
    changed: async (signal) => {
      if (!dirty && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, CHECK_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
          signal.addEventListener('abort', wake, { once: true });
        });
        signal.removeEventListener('abort', wake);
        wake = () => undefined;
      }
      const how = dirty ? 'changed' : 'quiet';
      dirty = false;
      return how;
    },
    close: () => watcher.close(),
  };
}

function ifPresent(path: string): (cause: unknown) => undefined {
  return (cause) => {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ioError(path, cause);
  };
}

function ioError(path: string, cause: unknown): CriError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new CriError('CRI_LOG_IO', detail, { method: `readLog ${path}`, cause });
}
