import { readFileSync, writeFileSync } from 'node:fs';

import { runCommand } from '@nodeagent/testbed';
import { expect, it } from 'vitest';

it('loads modules that the machine may lack', async () => {
  await runCommand(['modprobe', 'ip_vs_wrr']);
  expect(await runCommand(['ipvsadm', '-Ln'])).toContain('IP Virtual Server');
});

it('has dummy devices and cgroup v2', async () => {
  await runCommand(['ip', 'link', 'add', 'guest-test', 'type', 'dummy']);
  expect(await runCommand(['ip', '-br', 'link', 'show', 'type', 'dummy'])).toContain('guest-test');
  expect(readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').trim().split(' ')).toEqual(
    expect.arrayContaining(['cpu', 'memory', 'pids']),
  );
});

it('can write anywhere, in its own copy', () => {
  writeFileSync('/usr/lib/guest-test', 'x');
  expect(readFileSync('/usr/lib/guest-test', 'utf8')).toBe('x');
});
