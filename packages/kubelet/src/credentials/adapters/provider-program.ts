import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { lackOfPipes } from '@nodeagent/base/system';

import type { CallProvider } from '../ports.js';

/** @see Kubernetes 1.36 pkg/credentialprovider/plugin/plugin.go, ExecPlugin */
const TIMEOUT_MS = 60_000;
/** Credentials are short; longer output indicates an error. */
const MAX_OUTPUT = 1024 * 1024;
const SHOWN_STDERR = 1024;

/**
 * Runs plug-ins as programs of a directory: the request on standard input, the answer on standard
 * output. A plug-in that takes longer than a minute or writes more than 1 MiB is killed, with all
 * its child processes. If it fails, the error contains its standard error, but never its standard
 * output.
 */
export function createProviderPrograms(
  directory: string,
  { timeoutMs = TIMEOUT_MS }: Readonly<{ timeoutMs?: number }> = {},
): CallProvider {
  return ({ name, args, env }, input, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const child = spawn(join(directory, name), args, {
        env: { ...process.env, ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: true, // in a process group of its own, which can be killed as a whole
      });
      const fail = (cause: Error): void =>
        reject(new Error(`credential provider ${name} cannot be executed`, { cause }));
      const lack = lackOfPipes(child);
      if (lack !== undefined) {
        void lack.then(fail);
        return;
      }
      const chunks: Buffer[] = [];
      let size = 0;
      let complaint = '';
      let why: Error | undefined;
      const kill = (error: Error): void => {
        why ??= error;
        if (child.pid === undefined) return;
        try {
          process.kill(-child.pid, 'SIGKILL');
        } catch (cause) {
          if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause; // already gone
        }
      };
      const abort = (): void => kill(signal.reason as Error);
      const late = new Error(`credential provider ${name} took more than ${timeoutMs / 1000} s`);
      const timer = setTimeout(() => kill(late), timeoutMs);
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
      };
      signal.addEventListener('abort', abort, { once: true });
      child.stdout.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_OUTPUT)
          kill(new Error(`credential provider ${name} wrote more than ${MAX_OUTPUT} bytes`));
        else chunks.push(chunk);
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        complaint = (complaint + text).slice(0, SHOWN_STDERR);
      });
      child.stdin.on('error', () => undefined); // the program need not read its input
      child.stdin.end(input);
      child.on('error', (error) => {
        end();
        fail(error);
      });
      child.on('close', (code, killedBy) => {
        end();
        if (why === undefined && code === 0) {
          resolve(Buffer.concat(chunks).toString());
          return;
        }
        const how = code === null ? `was killed by ${killedBy}` : `exited with code ${code}`;
        const said = complaint.trim() === '' ? '' : `: ${complaint.trim()}`;
        reject(why ?? new Error(`credential provider ${name} ${how}${said}`));
      });
    });
}
