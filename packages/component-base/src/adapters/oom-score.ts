import { writeFile } from 'node:fs/promises';

import type { Logger } from '@nodeagent/base';

/**
 * Sets this process's `oom_score_adj`, from -1000 (never killed) to 1000. A refusal is only logged:
 * it is common in containers, and the program can run without it.
 *
 * @see Linux Documentation/filesystems/proc.rst, /proc/<pid>/oom_score_adj
 */
export async function adjustOomScore(score: number, log: Logger): Promise<void> {
  try {
    await writeFile('/proc/self/oom_score_adj', String(score));
  } catch (err) {
    log.warn({ err, oomScoreAdj: score }, 'cannot set oom_score_adj');
  }
}
