import { closeSync, openSync, readSync } from 'node:fs';

/** A file of many lines comes in pieces of a page, cut between lines: a shorter piece is the last. */
const LEAST_PAGE_BYTES = 2048;

/**
 * A file that the kernel makes when it is read.
 *
 * @param buffer for as much of it as is wanted
 * @returns undefined for a file that is not there, goes while it is read, or says nothing to us
 */
export function readKernelText(path: string, buffer: Buffer): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    unlessKernelGone(error);
    return undefined;
  }
  try {
    return readOpenKernelText(file, buffer);
  } catch (error) {
    unlessKernelGone(error);
    return undefined;
  } finally {
    closeSync(file);
  }
}

/**
 * The text of a kernel file that is open: from its beginning, wherever it was read to before.
 *
 * @throws what the kernel says; {@link unlessKernelGone} tells apart what only means that it is gone
 */
export function readOpenKernelText(file: number, buffer: Buffer): string {
  let length = 0;
  let more: number;
  do {
    more = readSync(file, buffer, length, buffer.length - length, length);
    length += more;
  } while (more > LEAST_PAGE_BYTES && length < buffer.length);
  return buffer.toString('latin1', 0, length);
}

/**
 * ESRCH and EINVAL: of a process that has ended; EOPNOTSUPP: a controller has nothing to tell, as of
 * pressure that is not accounted.
 */
const GONE = ['ENOENT', 'ENOTDIR', 'ENODEV', 'ESRCH', 'EINVAL', 'EOPNOTSUPP', 'EACCES', 'EPERM'];

/** @returns undefined where the error means that there is nothing to read (any more) @throws it otherwise */
export function unlessKernelGone(error: unknown): undefined {
  if (GONE.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
  throw error;
}
