import { join, relative } from 'node:path/posix';

import { DATA, type Payload, topNames, withCleanPaths } from '../model/payload.js';
import type { VolumeDirs } from '../model/pod-paths.js';

/**
 * Links that show the files of one directory in another, by name: `..data` leads to the files'
 * own `..data`, and each other name goes through it. Relative, so that they also work where the root
 * directory is mounted elsewhere.
 */
export function visibleLinks(
  { visible, content }: VolumeDirs,
  payload: Payload,
): ReadonlyMap<string, string> {
  const names = [...topNames(withCleanPaths(payload))];
  return new Map([
    [DATA, join(relative(visible, content), DATA)],
    ...names.map((name) => [name, join(DATA, name)] as const),
  ]);
}
