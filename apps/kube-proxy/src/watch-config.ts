import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';

import { isAborted } from '@nodeagent/base';
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
  for await (const stamp of stamps(path, signal)) {
    if (stamp === before) continue;
    const what = "content of the proxy server's configuration file was updated";
    throw new ProxyError('PROXY_CONFIG_CHANGED', `${path}: ${what}`);
  }
}

async function* stamps(path: string, signal: AbortSignal): AsyncGenerator<string> {
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
    while (!isAborted(signal)) {
      if (!pending) {
        await new Promise<void>((...settle) => {
          [resolve, reject] = settle;
        });
      }
      if (isAborted(signal)) return;
      pending = false;
      yield stampOf(path);
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
