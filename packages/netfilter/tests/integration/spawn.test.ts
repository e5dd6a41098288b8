import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createSpawnRunner } from '../../src/adapters/spawn-command.js';

const never = new AbortController().signal;

it('reports a program killed for taking too long, even when its input was not all read', async () => {
  const command = { argv: ['sleep', '600'], stdin: ['x'.repeat(1 << 20)], timeoutMs: 100 } as const;
  await expect(createSpawnRunner().run(command, never)).rejects.toMatchObject({
    code: 'NETFILTER_COMMAND_FAILED',
    message: expect.stringContaining('sleep: killed by SIGKILL, perhaps after 0.1 s') as string,
  });
});

describe('a runner for another network namespace', () => {
  const name = `spawn-${process.pid}`;
  const show = { argv: ['readlink', '/proc/self/ns/net'] } as const;
  beforeAll(() => void execFileSync('ip', ['netns', 'add', name]));
  afterAll(() => void execFileSync('ip', ['netns', 'del', name]));

  it('runs programs in it, by name or path, with their input', async () => {
    const inside = createSpawnRunner({ networkNamespace: name });
    const { stdout } = await inside.run(show, never);
    expect(stdout).toMatch(/^net:\[\d+\]\n$/);
    expect(stdout.trim()).not.toBe(readlinkSync('/proc/self/ns/net'));
    const byPath = createSpawnRunner({ networkNamespace: `/run/netns/${name}` });
    expect((await byPath.run(show, never)).stdout).toBe(stdout);
    expect((await inside.run({ argv: ['cat'], stdin: ['in'] }, never)).stdout).toBe('in');
  });

  it('reports a program that is not there, and a namespace that is not', async () => {
    const inside = createSpawnRunner({ networkNamespace: name });
    await expect(inside.run({ argv: ['no-such-program'] }, never)).rejects.toMatchObject({
      code: 'NETFILTER_COMMAND_MISSING',
      message: 'no-such-program: not installed, or not in PATH',
    });
    const nowhere = createSpawnRunner({ networkNamespace: 'no-such-namespace' });
    const { exitCode, stderr } = await nowhere.run(show, never);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('no-such-namespace')]);
  });
});
