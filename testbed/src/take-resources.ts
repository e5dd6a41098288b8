import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { TestbedError } from './errors.ts';
import { mountsOf } from './proc.ts';

/** A resource that was taken from a process. */
export interface Taken {
  /** How often the kernel has refused it since; undefined where the kernel does not count that. */
  refusals(): number | undefined;
  giveBack(): Promise<void>;
}

/**
 * Leaves a running process without a free file descriptor: those that it has stay open, and one that
 * it closes is free again. It may be this process: what gives them back has been started before.
 */
export async function takeDescriptors(pid: number): Promise<Taken> {
  const [, before = ''] =
    /^Max open files +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? [];
  const script =
    'read to; prlimit --pid=$0 --nofile=$to: || exit; echo; read to; prlimit --pid=$0 --nofile=$to:';
  const setter = spawn('sh', ['-c', script, String(pid)], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = once(setter, 'exit') as Promise<[number | null]>;
  const errors: Buffer[] = [];
  setter.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const isSet = once(setter.stdout, 'data');
  // a descriptor's number is the lowest one that is free
  let free = 0;
  while (existsSync(`/proc/${pid}/fd/${free}`)) free += 1;
  setter.stdin.write(`${free}\n`);
  await Promise.race([isSet, ended]);
  const giveBack = async () => {
    setter.stdin.end(`${before}\n`);
    const [exitCode] = await ended;
    if (exitCode === 0) return;
    const text = `cannot give process ${pid} its file descriptors back: ${Buffer.concat(errors).toString()}`;
    throw new TestbedError('TESTBED_COMMAND_FAILED', text);
  };
  return { refusals: () => undefined, giveBack };
}

/** Leaves a running process, and those that it has started, unable to start another or a thread. */
export async function takePids(pid: number): Promise<Taken> {
  const { top } = hierarchy('pids');
  const line = readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    .split('\n')
    .find((each) => each.startsWith('0::') || each.split(':')[1] === 'pids');
  const before = join(top, line?.slice(line.lastIndexOf(':') + 1) ?? '/');
  const path = join(top, `taken-pids-${pid}`);
  mkdirSync(path);
  for (const each of withDescendants(pid)) moveTo(path, each);
  writeFileSync(join(path, 'pids.max'), readFileSync(join(path, 'pids.current')));
  return {
    refusals: () => counterOf(join(path, 'pids.events'), 'max'),
    giveBack: async () => {
      const left = readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
      for (const each of left) moveTo(before, Number(each));
      rmdirSync(path);
    },
  };
}

/** A cgroup that limits the memory of the programs that are started in it. */
export interface MemoryCgroup {
  /** The command line that starts a program in it. */
  enter(argv: readonly string[]): readonly string[];
  /**
   * Leaves its programs some bytes beside what they use now, pages of files included: the kernel can
   * drop and read those again.
   */
  take(spareBytes: number): Taken;
  /** Once nothing runs in it. */
  remove(): void;
}

export function createMemoryCgroup(name: string): MemoryCgroup {
  const { top, version } = hierarchy('memory');
  const path = join(top, name);
  mkdirSync(path);
  const limit = join(path, version === 2 ? 'memory.max' : 'memory.limit_in_bytes');
  const usage = join(path, version === 2 ? 'memory.current' : 'memory.usage_in_bytes');
  return {
    enter: (argv) => [
      'sh',
      '-c',
      'echo $$ > "$0" && exec "$@"',
      join(path, 'cgroup.procs'),
      ...argv,
    ],
    take: (spareBytes) => {
      writeFileSync(limit, String(Number(readFileSync(usage, 'utf8')) + spareBytes));
      return {
        refusals: () =>
          version === 2
            ? counterOf(join(path, 'memory.events'), 'max')
            : Number(readFileSync(join(path, 'memory.failcnt'), 'utf8')),
        giveBack: async () => writeFileSync(limit, version === 2 ? 'max' : '-1'),
      };
    },
    remove: () => rmdirSync(path),
  };
}

function hierarchy(controller: string): Readonly<{ top: string; version: 1 | 2 }> {
  const own = `/sys/fs/cgroup/${controller}`;
  const isOwn = mountsOf('self').some(({ mountPoint }) => mountPoint === own);
  return isOwn ? { top: own, version: 1 } : { top: '/sys/fs/cgroup', version: 2 };
}

function moveTo(cgroup: string, pid: number): void {
  writeFileSync(join(cgroup, 'cgroup.procs'), String(pid));
}

function counterOf(file: string, key: string): number {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${key} `));
  return Number(line?.slice(key.length));
}

/** @see proc(5), /proc/pid/task/tid/children */
function withDescendants(pid: number): readonly number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return [pid, ...children.flatMap((child) => withDescendants(Number(child)))];
}
