import { watch } from 'node:fs';
import { dirname } from 'node:path';

import { type Clock, type Logger, Wake } from '@nodeagent/base';
import { readForeignText } from '@nodeagent/base/files';

import type { Reloaded } from '../ports.js';

export interface ReloadedFilesOptions<T> {
  /** Read together: they belong together. */
  readonly paths: readonly string[];
  /** @throws for contents that cannot be used: the old ones stay in force */
  readonly parse: (contents: readonly string[]) => T;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Some changes give no event. */
const CHECK_MS = 60_000;
/** Files that belong together are written one after the other. */
const SETTLE_MS = 100;
/** Named by the administrator; those who renew certificates exchange links. */
const NAMED = { links: 'followed', limitBytes: 16 * 2 ** 20 } as const;

/**
 * Keeps what files say; a change is seen by an event of their folders, or a minute later.
 *
 * @throws when they cannot be read or used at first
 */
export async function createReloadedFiles<T>(
  options: ReloadedFilesOptions<T>,
): Promise<Reloaded<T>> {
  const { paths, parse, clock, log } = options;
  const read = async (): Promise<readonly string[]> => {
    return Promise.all(
      paths.map(async (path) => {
        const text = await readForeignText(path, NAMED);
        if (text === undefined) throw new Error(`${path}: no such file`);
        return text;
      }),
    );
  };
  let contents = await read();
  let value = parse(contents);
  let complaint = '';
  const look = async (): Promise<boolean> => {
    try {
      const next = await read();
      if (next.every((text, i) => text === contents[i])) return false;
      value = parse(next);
      contents = next;
      complaint = '';
      log.info({ files: paths }, 'files read again');
      return true;
    } catch (err) {
      const text = String(err);
      if (text !== complaint) log.error({ err, files: paths }, 'changed files cannot be used');
      complaint = text;
      return false;
    }
  };
  return {
    current: () => value,
    run: async (onChange, signal) => {
      const wake = new Wake();
      const watchers = [...new Set(paths.map((path) => dirname(path)))].map((directory) => {
        const watcher = watch(directory, () => wake.wake());
        // the regular look goes on without events
        watcher.on('error', (err) => log.warn({ err, directory }, 'folder cannot be watched'));
        return watcher;
      });
      try {
        while (!signal.aborted) {
          if (await look()) onChange();
          const how = await wake.waitAtMost(CHECK_MS, clock, signal);
          if (how === 'woken') await clock.sleep(SETTLE_MS, signal);
        }
      } finally {
        for (const watcher of watchers) watcher.close();
      }
    },
  };
}
