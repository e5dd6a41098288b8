import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';

/** Returns a process's resident memory in MiB, from the kernel. */
export async function rssMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** The kernel's clock tick for process times, on every Linux that Node.js supports. */
const TICKS_PER_SECOND = 100;

/** Returns the CPU time that a process and its ended children have used, in milliseconds. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return (ticks / TICKS_PER_SECOND) * 1000;
}

/**
 * Returns the CPU time of its present threads, to the nanosecond.
 *
 * @see Linux Documentation/scheduler/sched-stats.rst
 */
export async function preciseCpuMs(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const each = threads.map(async (thread) => {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
    return Number.parseInt(text, 10) / 1e6;
  });
  return (await Promise.all(each)).reduce((sum, ms) => sum + ms, 0);
}

/** Returns how often a process has called `read` and its like so far, on files of any kind. */
export async function readCalls(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/io`, 'utf8');
  return Number(/^syscr: (\d+)$/m.exec(text)?.[1]);
}

const NO_STRACE = 'ENOENT';

/**
 * Returns how many files a process opens while the work is done; undefined where there is no strace,
 * which slows the process down.
 */
export async function opensDuring(
  pid: number,
  work: () => Promise<unknown>,
): Promise<number | undefined> {
  const args = ['-f', '-e', 'trace=open,openat,openat2', '-p', String(pid)];
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  tracer.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  try {
    await once(tracer, 'spawn');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === NO_STRACE) return undefined;
    throw error;
  }
  await once(tracer.stderr, 'data'); // it says that it has attached itself
  await work();
  const ended = once(tracer, 'close');
  tracer.kill('SIGINT');
  await ended;
  return output.split('\n').filter((line) => / = \d+$/.test(line)).length;
}
