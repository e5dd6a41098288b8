import { createLogFiles } from './adapters/log-files.js';
import { CriError, isCriError } from './model/errors.js';
import { containerId } from './model/ids.js';
import type { LogBytesOptions, LogEntry, LogOptions } from './model/log.js';
import type { RuntimeService } from './ports.js';
import { readLogBytesFrom, readLogFrom } from './run/read-log.js';

/** Reads a log on this machine. @see readLogFrom for behaviour and errors */
export function readLog(
  path: string,
  options: LogOptions,
  signal: AbortSignal,
): AsyncIterable<LogEntry> {
  return readLogFrom(createLogFiles(), { path, options }, signal);
}

/** Reads the same as bytes, many lines at a time, each piece as soon as it is available. */
export function readLogBytes(
  path: string,
  options: LogBytesOptions,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  return readLogBytesFrom(createLogFiles(), { path, options }, signal);
}

/** The options of {@link readLog}, with the runtime in place of `isRunning`. */
export interface FollowLogsOptions extends Omit<LogOptions, 'isRunning'> {
  /** Knows the container; the runtime of this machine, found as crictl finds it, when absent. */
  readonly runtime?: Pick<RuntimeService, 'containerStatus'> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads what a container has written and goes on until it has ended and all of its output is read.
 * Leaving the loop ends it too; `follow: false` stops at the present end.
 *
 * @throws {CriError} `CRI_NOT_FOUND`, `CRI_BAD_ENDPOINT`, those of other calls of the runtime,
 *   and those of {@link readLog}; the signal's reason
 * @example
 * ```typescript
 * import { followLogs } from '@nodeagent/cri-client/logs';
 *
 * const lines = followLogs('3f4c0ab91d2e', { tailRecords: 10 });
 * for await (const { stream, data } of lines) process[stream].write(data);
 * ```
 */
export async function* followLogs(
  id: string,
  { runtime, signal = new AbortController().signal, ...options }: FollowLogsOptions = {},
): AsyncGenerator<LogEntry, void> {
  const near = runtime === undefined ? await connectHere() : { runtime, close: () => undefined };
  try {
    yield* followIn(near.runtime, { id, options }, signal);
  } finally {
    near.close();
  }
}

/** Loads gRPC only for readers that have no runtime yet. */
async function connectHere(): Promise<{ runtime: RuntimeService; close: () => void }> {
  const { createCriClient, findEndpoint } = await import('./adapters/grpc.js');
  return createCriClient({ endpoint: await findEndpoint() });
}

async function* followIn(
  runtime: Pick<RuntimeService, 'containerStatus'>,
  { id, options }: { readonly id: string; readonly options: LogOptions },
  signal: AbortSignal,
): AsyncGenerator<LogEntry, void> {
  const container = containerId(id);
  const { logPath } = await runtime.containerStatus(container, signal);
  if (logPath === '') {
    throw new CriError('CRI_LOG_IO', 'it has no log path', { method: `log of container ${id}` });
  }
  const isRunning = async (inner: AbortSignal): Promise<boolean> => {
    try {
      const { state } = await runtime.containerStatus(container, inner);
      return state === 'running' || state === 'created';
    } catch (error) {
      if (isCriError(error, 'CRI_NOT_FOUND')) return false;
      throw error;
    }
  };
  yield* readLog(logPath, { follow: true, ...options, isRunning }, signal);
}
