/**
 * Boots Debian's user-mode Linux on this machine's file system and runs one command there. It is
 * for features that the machine's own kernel may lack (IPVS, dummy devices, cgroup v2).
 *
 * The guest sees the machine's files but cannot change them: see guest-init.sh. The guest and all
 * its processes live in a PID namespace that ends with the process that started it, even by
 * SIGKILL.
 */
import { spawn } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { identify, isAlive } from '@nodeagent/testbed';

import { SetupError } from '../setup/machine.ts';
import { ROOT } from '../test/process.ts';
import { registerShim } from './register-shim.ts';

export interface GuestOptions {
  /** Shell commands; they run as root in `/` with the environment below. */
  readonly script: string;
  readonly env?: Readonly<Record<string, string>>;
  /** 1024 when absent; the guest's changed files count too. */
  readonly memoryMiB?: number;
  /** Time limit for the command; then the guest is killed. */
  readonly timeoutMs: number;
  /** Receives console output as it arrives. */
  readonly onOutput?: (chunk: string) => void;
  readonly signal?: AbortSignal;
}

export interface GuestOutcome {
  /** The command's exit code; absent when the guest ended early. */
  readonly exitCode?: number;
  /** The reason for a missing exit code, with the console's last lines. */
  readonly failure?: string;
  /** All output of the kernel and the command. */
  readonly output: string;
}

const JOBS = join(ROOT, '.cache/kernel');
/** From the start to the guest's first output; it takes about 2 s on an idle machine. */
const BOOT_MS = 60_000;
const LAST_LINES = 40;

let count = 0;

/**
 * @param collect the folder of the machine for files from the guest's `results` folder
 *   (`$NODEAGENT_JOB/results`); subfolders are not copied
 */
export async function runInGuest(options: GuestOptions, collect?: string): Promise<GuestOutcome> {
  await sweepJobs();
  const owner = identify(process.pid);
  const job = join(JOBS, `${process.pid}-${owner?.startTicks}-${count++}`);
  try {
    await prepare(job, options);
    const outcome = await boot(job, options);
    if (collect !== undefined) await bringBack(join(job, 'results'), collect);
    return outcome;
  } finally {
    await rm(job, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function prepare(job: string, { script, env = {} }: GuestOptions): Promise<void> {
  await mkdir(join(job, 'results'), { recursive: true });
  await mkdir(join(job, 'uml'));
  const own = {
    PATH: `${dirname(process.execPath)}:${join(ROOT, 'node_modules/.bin')}:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: '/root',
    LANG: 'C.UTF-8',
    NODEAGENT_GUEST: '1',
    ...env,
  };
  const lines = Object.entries(own).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  await writeFile(join(job, 'environment'), lines.join(''));
  await writeFile(join(job, 'command.sh'), `${script}\n`);
  await copyFile(join(import.meta.dirname, 'guest-init.sh'), join(job, 'init.sh'));
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function boot(job: string, options: GuestOptions): Promise<GuestOutcome> {
  const { memoryMiB = 1024, timeoutMs, onOutput, signal } = options;
  const shim = await registerShim();
  const kernel = [
    'root=/dev/root rootfstype=hostfs rootflags=/ ro',
    `init=/bin/sh mem=${memoryMiB}M con0=null,fd:1 con=null quiet uml_dir=${join(job, 'uml')}/`,
    `NODEAGENT_JOB=${job} -- ${join(job, 'init.sh')}`,
  ];
  const argv = [
    ...['setpriv', '--pdeathsig', 'KILL', 'unshare', '--pid', '--fork', '--kill-child=KILL'],
    // not the namespace's first process, which would survive the signal by which a panic ends it
    ...['sh', '-c', '"$@"; exit $?', 'sh'],
    ...['linux.uml', ...kernel.flatMap((words) => words.split(' '))],
  ];
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    cwd: '/',
    detached: true, // Ctrl-C must reach only the caller
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      ...(shim === undefined ? {} : { LD_PRELOAD: shim }),
    },
  });
  let output = '';
  const hear = (chunk: Buffer): void => {
    const text = chunk.toString().replaceAll('\r', '');
    output += text;
    onOutput?.(text);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new SetupError(`The guest cannot start: ${cause.message}`)),
    );
    child.once('close', () => resolve());
  });
  const over = new AbortController();
  const cut = watch(() => output.includes('guest: up'), timeoutMs, over.signal, signal);
  const why = await Promise.race([ended.then(() => undefined), cut]).finally(() => over.abort());
  if (why !== undefined) {
    child.kill('SIGKILL'); // and, through --kill-child, the guest with all its processes
    await ended;
  }
  const code = await readFile(join(job, 'results/exit-code'), 'utf8').catch(() => '');
  if (why === undefined && code !== '') return { exitCode: Number(code), output };
  const reason = why ?? 'The guest ended before its command did';
  return { failure: `${reason}; its console ended with:\n${lastLines(output)}`, output };
}

/** @returns the reason to kill the guest, as soon as there is one */
async function watch(
  isUp: () => boolean,
  timeoutMs: number,
  over: AbortSignal,
  asked: AbortSignal | undefined,
): Promise<string | undefined> {
  const startMs = performance.now();
  while (!over.aborted) {
    const tookMs = performance.now() - startMs;
    if (asked?.aborted === true) return 'The guest was stopped';
    if (!isUp() && tookMs > BOOT_MS) return `The guest did not boot within ${BOOT_MS / 1000} s`;
    if (tookMs > timeoutMs) return `The guest was still running after ${timeoutMs / 1000} s`;
    await delay(100);
  }
  return undefined;
}

function lastLines(output: string): string {
  return output.trimEnd().split('\n').slice(-LAST_LINES).join('\n');
}

async function bringBack(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const entries = await readdir(from, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name !== 'exit-code');
  await Promise.all(files.map(({ name }) => copyFile(join(from, name), join(to, name))));
}

/** Removes the folders of killed runners; their guests ended with them. */
async function sweepJobs(): Promise<void> {
  const names = await readdir(JOBS).catch(() => []);
  for (const name of names) {
    const [, pid, startTicks] = /^(\d+)-(\d+)-\d+$/.exec(name) ?? [];
    if (pid === undefined || startTicks === undefined) continue;
    if (isAlive({ pid: Number(pid), startTicks })) continue;
    await rm(join(JOBS, name), { recursive: true, force: true });
  }
}
