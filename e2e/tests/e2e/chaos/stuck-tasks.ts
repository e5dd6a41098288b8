import type { Containerd } from '@nodeagent/testbed';

/**
 * Has containerd let go of what it cannot remove by itself: a container whose start was cut off, by the
 * death of its caller, between making the process and asking for its id. containerd 1.6 then says that
 * it has exited, keeps its dead task, and refuses to remove it (`cannot delete running task`); nothing
 * in CRI ends a task that is dead. It finds out when it starts again.
 *
 * @returns call it now and then; it has containerd restarted once, when a task stays dead between two calls
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

/** @param table of `ctr tasks ls`: id, process id, state */
function deadTasks(table: string): ReadonlySet<string> {
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/));
  return new Set(rows.flatMap(([id = '', , state]) => (state === 'STOPPED' ? [id] : [])));
}
