import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

import { FileError } from '../../model/file-error.js';
import { O_PATH, pathOfDescriptor } from './descriptor.js';

/** How to open a file that somebody else may have put there. */
export interface ForeignFileOptions {
  /**
   * `refused`: the last name of the path must not be a link; use it where anyone but the
   * administrator may write to the directory. `followed`: a link is followed; use it where links
   * are normal, e.g. in a config map volume.
   */
  readonly links: 'refused' | 'followed';
}

/** A longer file is refused instead of read in part. */
export interface ReadLimit extends ForeignFileOptions {
  readonly limitBytes: number;
}

const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Opens for reading a file that an untrusted program may have made. The place is inspected first
 * and then opened through its descriptor. So the call never waits for the writer of a pipe, and
 * never opens a device, since opening alone may start one.
 *
 * @throws {FileError} `FILE_KIND` for anything but a regular file; the errors of `node:fs` when
 *   the file does not exist
 */
export async function openForeignFile(
  path: string,
  { links }: ForeignFileOptions,
): Promise<FileHandle> {
  const place = await open(path, O_PATH | (links === 'refused' ? constants.O_NOFOLLOW : 0));
  try {
    const found = await place.stat();
    if (!found.isFile()) {
      const kind = found.isSymbolicLink() ? 'is a link' : 'is not a regular file';
      throw new FileError('FILE_KIND', `${path} ${kind}`);
    }
    return await open(pathOfDescriptor(place.fd), READ);
  } finally {
    await place.close();
  }
}

/**
 * Reads the whole of a file that an untrusted program may have made; returns undefined when there
 * is none.
 *
 * @throws {FileError} `FILE_KIND`; `FILE_TOO_LARGE` when the file is too large or grows too large
 *   while it is read
 */
export async function readForeignFile(
  path: string,
  { links, limitBytes }: ReadLimit,
): Promise<Buffer | undefined> {
  const file = await openForeignFile(path, { links }).catch(ifMissing);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    // Read one byte more than expected, to notice a file that grows.
    const content = size > limitBytes ? undefined : await readAt(file, 0, size + 1);
    if (content !== undefined && content.length <= size) return content;
    if (content !== undefined) {
      const whole = await readAt(file, 0, limitBytes + 1);
      if (whole.length <= limitBytes) return whole;
    }
    throw new FileError('FILE_TOO_LARGE', `${path} is larger than ${limitBytes} bytes`);
  } finally {
    await file.close();
  }
}

/** Reads the same as text; bytes that are not UTF-8 become U+FFFD. */
export async function readForeignText(path: string, limit: ReadLimit): Promise<string | undefined> {
  return (await readForeignFile(path, limit))?.toString('utf8');
}

/**
 * Reads the last bytes of a file that an untrusted program may have made; returns undefined when
 * there is none.
 */
export async function readForeignTail(
  path: string,
  { links, limitBytes }: ReadLimit,
): Promise<Buffer | undefined> {
  const file = await openForeignFile(path, { links }).catch(ifMissing);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    const length = Math.min(size, limitBytes);
    return await readAt(file, size - length, length);
  } finally {
    await file.close();
  }
}

/** Reads until the buffer is full: one call may return less than it was asked for. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const target = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(target, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return target.subarray(0, filled);
}

function ifMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}
