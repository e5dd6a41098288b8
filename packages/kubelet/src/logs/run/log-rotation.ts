import { type Clock, KeyedQueue, type Logger, runEvery } from '@nodeagent/base';
import { type ContainerId, isCriError, type RuntimeService } from '@nodeagent/cri-client';

import { planRotation, rotatedName } from '../plan/log-rotation.js';
import type { RotationFiles } from '../ports.js';

export interface LogRotationOptions {
  readonly cri: Pick<RuntimeService, 'listContainers' | 'containerStatus' | 'reopenContainerLog'>;
  readonly files: RotationFiles;
  /** `containerLogMaxSize`; negative switches rotation off. */
  readonly maxBytes: number;
  /** `containerLogMaxFiles` per container, including the current log. */
  readonly maxFiles: number;
  /** `containerLogMaxWorkers`: logs rotated at the same time. */
  readonly workers: number;
  /** `containerLogMonitorInterval` */
  readonly periodMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Rotates logs of running containers that exceed the size limit; runs until the signal fires. */
export async function runLogRotation(
  options: LogRotationOptions,
  signal: AbortSignal,
): Promise<void> {
  const { cri, maxBytes, workers, periodMs, clock, log } = options;
  if (maxBytes < 0) return;
  const paths = new Map<ContainerId, string>();
  const queue = new KeyedQueue<ContainerId, undefined>(
    {
      handle: (id, _, inner) => checkLog(options, { id, paths }, inner),
      onError: (container, err) => log.warn({ container, err }, 'log not rotated'),
      concurrency: workers,
    },
    signal,
  );
  const task = async (inner: AbortSignal): Promise<void> => {
    const running = new Set<ContainerId>();
    for (const { id } of await cri.listContainers({ state: 'running' }, inner)) running.add(id);
    for (const id of paths.keys()) if (!running.has(id)) paths.delete(id);
    for (const id of running) queue.put(id, undefined);
  };
  const onError = (err: unknown): void =>
    log.warn({ err }, 'cannot list the containers whose logs to rotate');
  await runEvery({ clock, periodMs, task, onError }, signal);
  await queue.idle();
}

/** @param paths known log paths by container: a path never changes while its container runs */
async function checkLog(
  options: LogRotationOptions,
  { id, paths }: Readonly<{ id: ContainerId; paths: Map<ContainerId, string> }>,
  signal: AbortSignal,
): Promise<void> {
  const { cri, files, maxBytes } = options;
  const path = paths.get(id) ?? (await logPathOf(options, id, signal));
  if (path === undefined) return;
  paths.set(id, path);
  let size = await files.sizeBytes(path);
  if (size === undefined) {
    // An interrupted rotation has renamed the log, or someone else removed it.
    await cri.reopenContainerLog(id, signal);
    size = await files.sizeBytes(path);
  }
  if (size !== undefined && size >= maxBytes) await rotate(options, { id, path }, signal);
}

/** @returns undefined if the container has ended or has no log */
async function logPathOf(
  { cri }: LogRotationOptions,
  id: ContainerId,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { state, logPath } = await cri.containerStatus(id, signal);
    return state === 'running' && logPath !== '' ? logPath : undefined;
  } catch (error) {
    if (isCriError(error, 'CRI_NOT_FOUND')) return undefined;
    throw error;
  }
}

async function rotate(
  { cri, files, maxFiles, clock, log }: LogRotationOptions,
  { id, path }: Readonly<{ id: ContainerId; path: string }>,
  signal: AbortSignal,
): Promise<void> {
  const at = path.lastIndexOf('/') + 1;
  const [directory, name] = [path.slice(0, at), path.slice(at)];
  for (const step of planRotation(name, await files.names(directory), maxFiles)) {
    signal.throwIfAborted();
    if (step.kind === 'remove') await files.remove(`${directory}${step.name}`);
    else await files.compress(`${directory}${step.name}`, signal);
  }
  const rotated = rotatedName(path, clock.nowMs());
  await files.rename(path, rotated);
  try {
    await cri.reopenContainerLog(id, signal);
  } catch (error) {
    // The runtime still writes to this file, so it gets its old name back.
    await files.rename(rotated, path);
    throw error;
  }
  log.debug({ container: id, file: rotated }, 'log rotated');
}
