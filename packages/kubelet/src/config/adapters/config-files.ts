import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { ConfigError, type PlainObject } from '@nodeagent/component-base';
import { readConfigFile } from '@nodeagent/component-base/process';

import { CONFIG_KIND } from '../model/config-file.js';
import type { ConfigLayers } from '../plan/parse-config.js';

/** The content of `--config` and of the files in `--config-dir`. */
export interface ConfigFiles extends Required<Pick<ConfigLayers, 'file' | 'dropIns'>> {
  readonly warnings: readonly string[];
}

/**
 * Reads `--config` and the files of `--config-dir` that end in `.conf`, also in its subdirectories,
 * ordered by name at each level.
 *
 * @throws {ConfigError} that names the file
 */
export async function readConfigFiles(
  path: string | undefined,
  directory: string | undefined,
): Promise<ConfigFiles> {
  const main = path === undefined ? undefined : await readConfigFile(path, CONFIG_KIND);
  const names = directory === undefined ? [] : await confFiles(directory);
  const dropIns: PlainObject[] = [];
  for (const name of names) dropIns.push((await readConfigFile(name, CONFIG_KIND)).value);
  return {
    file:
      main === undefined || path === undefined
        ? undefined
        : { value: main.value, directory: dirname(resolve(path)) },
    dropIns,
    warnings: main?.warnings ?? [],
  };
}

async function confFiles(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.conf'))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort(inWalkOrder);
  } catch (cause) {
    const problems = [{ field: '--config-dir', message: (cause as Error).message }];
    throw new ConfigError('CONFIG_UNREADABLE', { source: directory, problems }, { cause });
  }
}

/** `directory` sorts before `directory-2`, whatever the names of the files below it. */
function inWalkOrder(a: string, b: string): number {
  const [first, second] = [a, b].map((path) => path.replaceAll('/', '\0')) as [string, string];
  return first < second ? -1 : 1;
}
