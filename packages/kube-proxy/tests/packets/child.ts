import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Netns } from '@nodeagent/testbed';

import type { WorldObjects } from './objects.js';

export interface ChildProxy {
  /**
   * Ends the proxy as SIGTERM would; its objects in the kernel stay. @returns its log, one line
   * each
   */
  stop(): Promise<string>;
}

/**
 * Starts a whole proxy in its own process inside a namespace: for modes that open sockets
 * themselves, in the namespace of their process.
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
