import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Netns } from '@nodeagent/testbed';

import type { WorldObjects } from './objects.js';

export interface ChildProxy {
  /** Ends it as SIGTERM would; what it wrote to the kernel stays. @returns its log, a line each */
  stop(): Promise<string>;
}

/**
 * Starts a whole proxy in a process of its own inside a namespace: for modes that open sockets
 * themselves, whose namespace is that of their process.
 */
export function startChildProxy(
  node: Netns,
  objects: WorldObjects['all'],
  config: object,
): ChildProxy {
  const folder = mkdtempSync(join(tmpdir(), 'kube-proxy-child-'));
  const order = join(folder, 'order.json');
  writeFileSync(order, JSON.stringify({ objects, config }));
  const here = import.meta.dirname;
  const script = [process.execPath, join(here, 'child.mjs'), join(here, 'child-main.ts'), order];
  const [program = '', ...args] = [...node.enter, ...script];
  const child = spawn(program, args, { cwd: here, stdio: ['pipe', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk) => (log += String(chunk)));
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    stop: async () => {
      child.stdin.end();
      await gone;
      rmSync(folder, { recursive: true });
      return log;
    },
  };
}
