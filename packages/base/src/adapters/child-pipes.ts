import type { ChildProcess } from 'node:child_process';

/**
 * The failure of a program that was to have pipes, when no descriptor is free for them. The child has
 * no streams then, contrary to its type, and Node.js reports the reason in a moment.
 *
 * @returns undefined when the streams are there; the program may fail to start even so
 */
export function lackOfPipes(child: ChildProcess): Promise<Error> | undefined {
  const streams: readonly unknown[] = [child.stdin, child.stdout, child.stderr];
  if (!streams.includes(undefined)) return undefined;
  return new Promise((resolve) => child.once('error', resolve));
}
