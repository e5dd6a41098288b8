import type { Containerd } from '@nodeagent/testbed';

/**
 * Makes containerd release containers that it cannot remove by itself. Such a container's start was
 * interrupted, by the death of its caller, between creating the process and asking for its id.
 * containerd 1.6 then reports it as exited, keeps its dead task, and refuses to remove it (`cannot
 * delete running task`); no call of CRI ends a dead task. containerd cleans up at its next start.
 *
 * @returns a function to call now and then; it has containerd restarted once when a task stays
 *   dead between two calls
 */
export function createRelease(
  containerd: Containerd,
  restart: () => Promise<void>,
): () => Promise<void> {
  let before: ReadonlySet<string> = new Set();
  let isDone = false;
  return async () => {
    if (isDone) return;
    const dead = deadTasks(await containerd.ctr('tasks', 'ls'));
    if ([...dead].some((id) => before.has(id))) {
      isDone = true;
      await restart();
    }
    before = dead;
  };
}

/** @param table the output of `ctr tasks ls`: id, process id, state */
function deadTasks(table: string): ReadonlySet<string> {
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/));
  return new Set(rows.flatMap(([id = '', , state]) => (state === 'STOPPED' ? [id] : [])));
}
