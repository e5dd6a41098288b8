import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { runCommand, tryCommand } from '@nodeagent/testbed';

import { ROOT } from '../../test/process.ts';

const MINE = join(ROOT, '.cache/testbed/demo-');

/** The output of one run of the demo, and its resources on this machine. */
export interface RunningDemo {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Waits until the output contains this text. */
  says(words: string): Promise<void>;
  /** Exit code, or -1 when a signal ended it. */
  readonly ended: Promise<number>;
}

export function startDemo(
  argv: readonly string[],
  more: Readonly<Record<string, string>> = {},
): RunningDemo {
  const [program = '', ...args] = argv;
  const env = { ...process.env, ...more };
  const child = spawn(program, args, { cwd: ROOT, detached: true, env });
  let output = '';
  const keep = (chunk: Buffer) => (output += chunk.toString());
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let code: number | undefined;
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (value) => resolve((code = value ?? -1)));
  });
  return {
    child,
    output: () => output,
    ended,
    says: async (words) => {
      const endMs = performance.now() + 100_000;
      while (!output.includes(words)) {
        if (code !== undefined || performance.now() > endMs) {
          throw new Error(`the demo never said "${words}", but:\n${output}`);
        }
        await delay(5);
      }
    },
  };
}

/** Ids of this checkout's demos that still hold resources on this machine, running or not. */
export function demoIds(): readonly string[] {
  return globSync('/run/nodeagent-testbed/*/claim.json').flatMap((path) => {
    const { id, dir } = JSON.parse(readFileSync(path, 'utf8')) as { id: string; dir: string };
    return dir.startsWith(MINE) ? [id] : [];
  });
}

/** All remains of demos, one line each. A user expects none. */
export async function leftovers(ids: readonly string[]): Promise<readonly string[]> {
  const [links, routes, mounts] = await Promise.all([
    runCommand(['ip', '-br', 'link']),
    runCommand(['sh', '-c', 'ip route; ip -6 route']),
    runCommand(['cat', '/proc/self/mountinfo']),
  ]);
  const named = [...links.split('\n'), ...routes.split('\n'), ...mounts.split('\n')];
  const cgroups = globSync('/sys/fs/cgroup/**/*', { exclude: (name) => /^\d+$/.test(name) });
  return [
    ...demoIds().map((id) => `claim ${id}`),
    ...globSync(`${MINE}*`),
    ...ids.map((id) => `/run/netns/${id}`).filter((path) => existsSync(path)),
    ...named.filter((line) => line.includes(MINE) || ids.some((id) => line.includes(id))),
    ...cgroups.filter((path) => ids.some((id) => path.includes(id))),
    ...(await processesOf(ids)),
  ];
}

/**
 * Finds them by their environment: shims, containers' init processes and our programs all inherit
 * the mark.
 */
async function processesOf(ids: readonly string[]): Promise<readonly string[]> {
  const patterns = [MINE, ...ids.map((id) => `NODEAGENT_TESTBED=${id}`)].flatMap((p) => ['-e', p]);
  const files = globSync('/proc/[0-9]*/{environ,cmdline}');
  const { stdout } = await tryCommand(['grep', '-slaF', ...patterns, ...files]);
  return stdout.split('\n').filter((path) => path !== '' && !path.includes(`/${process.pid}/`));
}
