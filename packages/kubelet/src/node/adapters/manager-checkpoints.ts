import { join } from 'node:path';

import { readForeignText } from '@nodeagent/base/files';

import type { ManagerCheckpoints } from '../ports.js';

/** Large enough for every device of thousands of pods. */
const CHECKPOINT = { links: 'refused', limitBytes: 64 * 2 ** 20 } as const;

/** Files below the kubelet's root directory. */
export function createManagerCheckpoints(rootDir: string): ManagerCheckpoints {
  return { read: (name) => readForeignText(join(rootDir, name), CHECKPOINT) };
}
