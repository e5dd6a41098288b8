import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { cannotStart } from './command.ts';
import { TestbedError } from './errors.ts';
import { identify, isAlive, type ProcessId } from './proc.ts';
import { waitFor, type WaitOptions } from './wait.ts';

export interface ProcessOptions {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Standard output and error are appended here. */
  readonly logFile: string;
}

/** A program that runs beside the tests, in a session of its own, until it is stopped. */
export interface TestProcess {
  readonly pid: number;
  readonly logFile: string;
  isRunning(): boolean;
  signal(name: NodeJS.Signals): void;
  /** Sends SIGTERM, then SIGKILL after `graceMs` (10 s when absent); resolves when it has ended. */
  stop(graceMs?: number): Promise<void>;
  /** Sends SIGKILL; resolves when it has ended. */
  kill9(): Promise<void>;
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** The last lines of its log, for error messages. */
  logTail(lines?: number): string;
  /** @throws {TestbedError} `TESTBED_PROCESS_ENDED` with the end of its log when it is not running */
  assertRunning(): void;
}

/** Resolves once the program is running, which does not mean that it is ready. */
export function startProcess(options: ProcessOptions): Promise<TestProcess> {
  const { argv, env, cwd, logFile } = options;
  const [program = '', ...args] = argv;
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  const child = spawn(program, args, {
    detached: true, // Ctrl-C must reach only the testbed, which stops its parts in order
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  return new Promise((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) => reject(cannotStart(program, cause)));
    child.once('spawn', () => {
      const ended = new Promise<number | NodeJS.Signals>((done) => {
        child.once('exit', (code, signal) => done(code ?? signal ?? -1));
      });
      resolve(handle({ pid: child.pid ?? 0, ended, argv, logFile }));
    });
  });
}

interface Started {
  readonly pid: number;
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly argv: readonly string[];
  readonly logFile: string;
}

function handle({ pid, ended, argv, logFile }: Started): TestProcess {
  const id = identify(pid);
  let outcome: number | NodeJS.Signals | undefined;
  void ended.then((value) => (outcome = value));
  const signal = (name: NodeJS.Signals) => {
    if (id !== undefined && isAlive(id)) process.kill(pid, name);
  };
  const logTail = (lines = 20) => tailOf(logFile, lines);
  return {
    pid,
    logFile,
    ended,
    logTail,
    signal,
    isRunning: () => outcome === undefined,
    stop: async (graceMs = 10_000) => {
      signal('SIGTERM');
      const left = await Promise.race([ended, delay(graceMs, 'late' as const, { ref: false })]);
      if (left === 'late') signal('SIGKILL');
      await ended;
    },
    kill9: async () => {
      signal('SIGKILL');
      await ended;
    },
    assertRunning: () => {
      if (outcome === undefined) return;
      const text = `\`${argv.join(' ')}\` ended with ${outcome}; the end of ${logFile}:\n${logTail()}`;
      throw new TestbedError('TESTBED_PROCESS_ENDED', text);
    },
  };
}

/**
 * Waits until a program is ready.
 *
 * @throws {TestbedError} `TESTBED_PROCESS_ENDED` or `TESTBED_TIMED_OUT`, with the end of its log
 */
export async function waitUntilUp(
  program: TestProcess,
  isUp: () => Promise<boolean> | boolean,
  options: WaitOptions,
): Promise<void> {
  const look = () => {
    program.assertRunning();
    return isUp();
  };
  try {
    await waitFor(look, options);
  } catch (cause) {
    if (!(cause instanceof TestbedError) || cause.code !== 'TESTBED_TIMED_OUT') throw cause;
    const text = `${cause.message}; the end of ${program.logFile}:\n${program.logTail()}`;
    throw new TestbedError('TESTBED_TIMED_OUT', text, { cause });
  }
}

function tailOf(file: string, lines: number): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

/** Kills these processes; resolves when all have ended, or after `timeoutMs`. */
export async function killAll(ids: readonly ProcessId[], timeoutMs = 5_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const left = ids.filter(isAlive);
    if (left.length === 0 || performance.now() > endMs) return;
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    await delay(20);
  }
}
