import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it, onTestFinished } from 'vitest';

import { demoIds, leftovers, type RunningDemo, startDemo } from './running-demo.ts';

const ONCE = [process.execPath, 'tools/demo/main.ts', '--once', '--json'];
const LIVE = ['script', '-qefc', 'npm run demo', '/dev/null'];

const seen = new Set<string>();
afterEach(() => seen.clear());

/** Runs until the output contains this text, and records the demo's resources at that moment. */
async function runUntil(argv: readonly string[], words: string): Promise<RunningDemo> {
  const demo = startDemo(argv);
  await demo.says(words);
  for (const id of demoIds()) seen.add(id);
  return demo;
}

describe('npm run demo', () => {
  it.each([
    ['SIGINT', 'looking at'],
    ['SIGINT', 'making a network namespace'],
    ['SIGTERM', 'starting the API server'],
    ['SIGINT', 'starting containerd'],
    ['SIGTERM', 'starting kubelet'],
    ['SIGHUP', 'starting kube-proxy'],
    ['SIGINT', 'applying'],
    ['SIGTERM', 'cleaning up'],
  ] as const)('leaves nothing behind after %s while %s', async (signal, phase) => {
    const demo = await runUntil(ONCE, `▸ ${phase}`);
    demo.child.kill(signal);
    const code = await demo.ended;
    expect(await leftovers([...seen])).toEqual([]);
    if (phase !== 'cleaning up') expect(code, demo.output()).toBe(130);
  });

  it('ends its build too', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'nodeagent-demo-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    // A real build would remove the programs that concurrent tests run.
    const build = `#!/bin/sh\necho $$ > ${dir}/pid\nexec sleep 1000\n`;
    await writeFile(join(dir, 'nx'), build, { mode: 0o755 });
    const env = { NODEAGENT_BUILT: '', PATH: `${dir}:${process.env['PATH']}` };
    const demo = startDemo(ONCE, env);
    const read = () => readFile(join(dir, 'pid'), 'utf8').catch(() => '');
    await expect.poll(read, { timeout: 100_000 }).toMatch(/^\d+\n$/);
    demo.child.kill('SIGTERM');
    expect(await demo.ended, demo.output()).toBe(130);
    const pid = Number(await read());
    await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 20_000 }).toBe(false);
    expect(await leftovers([...seen])).toEqual([]);
  });

  it('works after a kill -9, and removes its remains', async () => {
    const killed = await runUntil(ONCE, 'applying');
    killed.child.kill('SIGKILL');
    await killed.ended;
    expect(await leftovers([...seen])).not.toEqual([]);

    const next = startDemo(ONCE);
    expect(await next.ended, next.output()).toBe(0);
    const result = JSON.parse(next.output().trimEnd().split('\n').at(-1)!) as {
      node: { ready: boolean };
      pods: { name: string }[];
      service: { answeredBy: string[] };
    };
    expect(result.node.ready).toBe(true);
    expect(result.pods).toHaveLength(3);
    expect(result.service.answeredBy).toEqual(result.pods.map(({ name }) => name));
    expect(await leftovers([...seen])).toEqual([]);
  });

  it('shows a live view until Ctrl-C', async () => {
    const demo = await runUntil(LIVE, 'Ctrl-C ends the demo');
    demo.child.stdin!.write('\x03');
    await demo.ended;
    expect(demo.output()).toContain('\x1b[?1049l'); // back on the terminal's main screen
    expect(await leftovers([...seen])).toEqual([]);
  });

  it('ends and cleans up when its terminal goes away', async () => {
    const demo = await runUntil(LIVE, 'Ctrl-C ends the demo');
    demo.child.kill('SIGKILL');
    await demo.ended;
    await expect.poll(() => leftovers([...seen])).toEqual([]);
  });

  it('ends and cleans up when npm is killed', async () => {
    const demo = await runUntil(['npm', 'run', 'demo'], 'starting containerd');
    demo.child.kill('SIGKILL');
    await expect.poll(() => leftovers([...seen])).toEqual([]);
  });
});
