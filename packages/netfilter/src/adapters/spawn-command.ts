import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { lackOfPipes } from '@nodeagent/base/system';

import { NetfilterError } from '../model/errors.js';
import type { Command, CommandResult, CommandRunner } from '../ports.js';

/** The surroundings of commands: words before them, or another network namespace. */
export interface SpawnOptions {
  /** Words put before every command, e.g. `['ip', 'netns', 'exec', 'blue']`. */
  readonly prefix?: readonly string[];
  /**
   * Runs every command in this network namespace, by nsenter(1) of util-linux: a name of `ip netns`,
   * or a path such as `/proc/4711/ns/net`. That of this process when absent.
   */
  readonly networkNamespace?: string;
}

const DEFAULT_TIMEOUT_MS = 5 * 60_000;

/** Runs programs as children of this process, never through a shell. */
export function createSpawnRunner({
  prefix = [],
  networkNamespace,
}: SpawnOptions = {}): CommandRunner {
  const before = [...enterNamespace(networkNamespace), ...prefix];
  return {
    run: (command, signal) => {
      const [program = '', ...args] = [...before, ...command.argv];
      return runChild({ program, args, command }, signal);
    },
  };
}

function enterNamespace(name: string | undefined): readonly string[] {
  if (name === undefined) return [];
  const path = name.includes('/') ? name : `/run/netns/${name}`;
  return ['nsenter', `--net=${path}`, '--'];
}

interface ChildRun {
  readonly program: string;
  readonly args: readonly string[];
  readonly command: Command;
}

async function runChild(
  { program, args, command }: ChildRun,
  signal: AbortSignal,
): Promise<CommandResult> {
  signal.throwIfAborted();
  const { stdin, timeoutMs = DEFAULT_TIMEOUT_MS } = command;
  const name = command.argv[0];
  const child = spawn(program, args, {
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    signal,
  });
  const lack = lackOfPipes(child);
  if (lack !== undefined) throw await lack;
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, killedBy) => resolve(code ?? killedBy ?? 'unknown'));
  });
  const fed = stdin === undefined || child.stdin === null ? undefined : feed(stdin, child.stdin);
  try {
    const [stdout, stderr, end] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      ended,
      fed,
    ]);
    if (program === 'nsenter' && end === NSENTER_FOUND_NOTHING && COMMAND_ABSENT.test(stderr)) {
      throw missing(name);
    }
    if (typeof end === 'number') return { exitCode: end, stdout, stderr };
    const message = `${name}: killed by ${end}, perhaps after ${timeoutMs / 1000} s: ${stderr}`;
    throw new NetfilterError('NETFILTER_COMMAND_FAILED', message);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw missing(program, error);
  }
}

/** The exit code and the text with which nsenter(1) says that there is no such program. */
const NSENTER_FOUND_NOTHING = 127;
const COMMAND_ABSENT = /^nsenter: failed to execute /;

function missing(program: string, cause?: unknown): NetfilterError {
  const message = `${program}: not installed, or not in PATH`;
  return new NetfilterError('NETFILTER_COMMAND_MISSING', message, { cause });
}

/** `ECANCELED`: the program was killed, perhaps because it took too long. */
const ENDED_EARLY = new Set(['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'ECANCELED']);

/**
 * A program that stops reading its input early reports why by its exit code; the broken pipe adds
 * nothing.
 */
async function feed(chunks: Iterable<string>, into: NodeJS.WritableStream): Promise<void> {
  try {
    await pipeline(Readable.from(chunks, { objectMode: true }), into);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!ENDED_EARLY.has(code)) throw error;
  }
}

async function text(stream: Readable | null): Promise<string> {
  if (stream === null) return '';
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
