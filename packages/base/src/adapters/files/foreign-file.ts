import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

import { FileError } from '../../model/file-error.js';
import { O_PATH, pathOfDescriptor } from './descriptor.js';

export interface ForeignFileOptions {
  /**
   * Whether the last name of the path may be a link: `refused` where others than the administrator
   * may write to the directory; `followed` where a link is the rule there, e.g. in a config map volume.
   */
  readonly links: 'refused' | 'followed';
}

export interface ReadLimit extends ForeignFileOptions {
  readonly limitBytes: number;
}

const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Opens a file that somebody else may have made, for reading. The place is looked at first and then
 * opened by its descriptor: a pipe without a writer is not waited for, and a device, which opening
 * alone may start, is not opened.
 *
 * @throws {FileError} `FILE_KIND` for what is no regular file; as `node:fs` does where there is none
 */
export async function openForeignFile(
  path: string,
  { links }: ForeignFileOptions,
): Promise<FileHandle> {
  const place = await open(path, O_PATH | (links === 'refused' ? constants.O_NOFOLLOW : 0));
  try {
    const found = await place.stat();
    if (!found.isFile()) {
      const kind = found.isSymbolicLink() ? 'is a link' : 'is no regular file';
      throw new FileError('FILE_KIND', `${path} ${kind}`);
    }
    return await open(pathOfDescriptor(place.fd), READ);
  } finally {
    await place.close();
  }
}

/**
 * All of a file that somebody else may have made; undefined when there is none.
 *
 * @throws {FileError} `FILE_KIND`; `FILE_TOO_LARGE` for one that is larger, or becomes so meanwhile
 */
export async function readForeignFile(
  path: string,
  { links, limitBytes }: ReadLimit,
): Promise<Buffer | undefined> {
  const file = await openForeignFile(path, { links }).catch(ifMissing);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    // One byte more than there should be: so a file that grows is noticed.
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

/** The same as text; what is not UTF-8 becomes U+FFFD. */
export async function readForeignText(path: string, limit: ReadLimit): Promise<string | undefined> {
  return (await readForeignFile(path, limit))?.toString('utf8');
}

/** The last bytes of a file that somebody else may have made; undefined when there is none. */
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

/** A read may give less than it was asked for. */
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
