import { spawn } from 'node:child_process';

import { TestbedError } from './errors.ts';

export interface CommandOptions {
  /** Written to standard input, which is then closed. */
  readonly input?: string | Uint8Array;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Kills the command after this time; 60 s when absent. */
  readonly timeoutMs?: number;
}

export interface CommandResult {
  /** -1 when a signal ended the command; 128 + signal number is not imitated. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, whatever its exit code. Rejects when it cannot start or times out. */
export function tryCommand(
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const [program = '', ...args] = argv;
  const { timeoutMs = 60_000 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.once('error', (cause: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(cannotStart(program, cause));
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      const stderr = Buffer.concat(err).toString();
      if (late) {
        const text = `\`${argv.join(' ')}\` was still running after ${timeoutMs} ms: ${stderr}`;
        reject(new TestbedError('TESTBED_TIMED_OUT', text));
      } else resolve({ exitCode: code ?? -1, stdout: Buffer.concat(out).toString(), stderr });
    });
    // A command may end without reading its input; only its exit code matters.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input);
  });
}

/** @returns standard output. @throws {TestbedError} `TESTBED_COMMAND_FAILED` with its standard error */
export async function runCommand(
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { exitCode, stdout, stderr } = await tryCommand(argv, options);
  if (exitCode === 0) return stdout;
  const detail = stderr.trim() || stdout.trim() || 'no output';
  throw new TestbedError(
    'TESTBED_COMMAND_FAILED',
    `\`${argv.join(' ')}\` ended with ${exitCode}: ${detail}`,
  );
}

export function cannotStart(program: string, cause: NodeJS.ErrnoException): TestbedError {
  return cause.code === 'ENOENT'
    ? new TestbedError('TESTBED_PROGRAM_MISSING', `${program} is not installed`, { cause })
    : new TestbedError('TESTBED_COMMAND_FAILED', `${program} did not start: ${cause.message}`, {
        cause,
      });
}
