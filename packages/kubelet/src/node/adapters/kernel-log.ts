import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

import type { Clock } from '@nodeagent/base';
import { SpareDescriptor } from '@nodeagent/base/system';

import type { KernelLog } from '../ports.js';
import { readOomCounts } from './oom-counts.js';

/** The kernel limits a record to 1024 bytes of text; its dictionary is as long at most. */
const RECORD_BYTES = 8192;
const LOOK_MS = 1000;

/**
 * Reads `/dev/kmsg` without blocking: a blocking read would occupy a thread of Node.js for ever.
 * Records from before the start are skipped.
 */
export function createKernelLog(clock: Clock, path = '/dev/kmsg'): KernelLog {
  const spare = new SpareDescriptor();
  return {
    oomCounts: () => spare.use(() => readOomCounts()),
    async *follow(signal) {
      const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        while ((await next(file)) !== undefined) signal.throwIfAborted();
        while (!signal.aborted) {
          const record = await next(file);
          if (record !== undefined) yield record;
          else await clock.sleep(LOOK_MS, signal);
        }
      } finally {
        await file.close();
      }
    },
  };
}

/** @returns the next record, empty if some were overwritten; undefined while there is none */
async function next(file: FileHandle): Promise<string | undefined> {
  try {
    const { bytesRead, buffer } = await file.read(
      Buffer.allocUnsafe(RECORD_BYTES),
      0,
      RECORD_BYTES,
    );
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN') return undefined;
    if (code === 'EPIPE') return '';
    throw error;
  }
}
