import { watch } from 'node:fs';
import { dirname } from 'node:path';

import { type Clock, type Logger, Wake } from '@nodeagent/base';
import { readForeignText } from '@nodeagent/base/files';

import type { Reloaded } from '../ports.js';

export interface ReloadedFilesOptions<T> {
  /** Files that form one unit and are read together. */
  readonly paths: readonly string[];
  /** @throws for unusable contents; the previous value stays in force */
  readonly parse: (contents: readonly string[]) => T;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Period of the regular check: some changes cause no event. */
const CHECK_MS = 60_000;
/** Delay after an event, because the files of one unit are written one after the other. */
const SETTLE_MS = 100;
/** The administrator chose these paths, and certificate renewal often replaces links. */
const NAMED = { links: 'followed', limitBytes: 16 * 2 ** 20 } as const;

/**
 * Keeps the parsed contents of files; notices changes by events of their directories, or within a
 * minute.
 *
 * @throws if the files cannot be read or parsed at first
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
      log.info({ files: paths }, 'reloaded changed files');
      return true;
    } catch (err) {
      const text = String(err);
      if (text !== complaint) log.error({ err, files: paths }, 'cannot use the changed files');
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
        // The regular check continues without events.
        watcher.on('error', (err) => log.warn({ err, directory }, 'directory cannot be watched'));
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
