import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';

import { ProxyError } from '@nodeagent/kube-proxy';

/**
 * Waits until the file is written or replaced.
 *
 * @throws {ProxyError} `PROXY_CONFIG_CHANGED` then: whoever started the process starts it anew
 */
export async function watchConfig(path: string, signal: AbortSignal): Promise<void> {
  const before = await stampOf(path);
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
  let pending = false;
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

/** Changes of owner or mode do not count. */
async function stampOf(path: string): Promise<string> {
  try {
    const { ino, mtimeMs, size } = await stat(path);
    return `${ino} ${mtimeMs} ${size}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'gone';
  }
}
