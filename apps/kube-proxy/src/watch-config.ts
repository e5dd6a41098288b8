import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';

import { ProxyError } from '@nodeagent/kube-proxy';

/**
 * Waits until the file has been written or replaced since it was read.
 *
 * @param before result of {@link stampOf} before the file was read
 * @throws {ProxyError} `PROXY_CONFIG_CHANGED` then, so that the supervisor restarts the process
 */
export async function watchConfig(
  path: string,
  before: string,
  signal: AbortSignal,
): Promise<void> {
  for await (const changed of changes(path, signal)) {
    if (!changed || (await stampOf(path)) === before) continue;
    const what = "content of the proxy server's configuration file was updated";
    throw new ProxyError('PROXY_CONFIG_CHANGED', `${path}: ${what}`);
  }
}

async function* changes(path: string, signal: AbortSignal): AsyncGenerator<true> {
  if (signal.aborted) return;
  let resolve: (() => void) | undefined;
  let reject: ((error: Error) => void) | undefined;
  let pending = true; // the file may have changed before the watch began
  const watcher = watch(path, () => {
    pending = true;
    resolve?.();
  });
  watcher.on('error', (error) => reject?.(error));
  const stop = (): void => resolve?.();
  signal.addEventListener('abort', stop, { once: true });
  try {
    while (!signal.aborted) {
      if (!pending) {
        await new Promise<void>((...settle) => {
          [resolve, reject] = settle;
        });
      }
      if (signal.aborted) return;
      pending = false;
      yield true;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    watcher.close();
  }
}

/**
 * Returns a text that differs after the file was written or replaced; changes of owner or mode do
 * not count.
 */
export async function stampOf(path: string): Promise<string> {
  try {
    const { ino, mtimeMs, size } = await stat(path);
    return `${ino} ${mtimeMs} ${size}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'gone';
  }
}
