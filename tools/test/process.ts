import { spawn } from 'node:child_process';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export interface Outcome {
  readonly exitCode: number;
  /** Standard output and error, interleaved. */
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Passes the output on as it arrives. */
  readonly show?: boolean;
  /** Ends the program and its children with SIGTERM. */
  readonly signal?: AbortSignal;
}

/** Runs a program to its end with an empty standard input. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [program = '', ...args] = argv;
  const { signal } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: signal !== undefined, // a process group of its own can be ended as a whole
    });
    const end = () => child.pid !== undefined && process.kill(-child.pid, 'SIGTERM');
    if (signal?.aborted === true) end();
    signal?.addEventListener('abort', end, { once: true });
    const chunks: Buffer[] = [];
    const keep = (chunk: Buffer): void => {
      chunks.push(chunk);
      if (options.show === true) process.stdout.write(chunk);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('exit', () => signal?.removeEventListener('abort', end));
    child.once('close', (code) =>
      resolve({ exitCode: code ?? 1, output: Buffer.concat(chunks).toString() }),
    );
  });
}
