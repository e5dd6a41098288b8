import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startProcess, waitFor } from '@nodeagent/testbed';
import { expect, it, onTestFinished } from 'vitest';

import { runInGuest } from '../../kernel/boot.ts';
import { ROOT } from '../../test/process.ts';

async function aFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'kernel-guest-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

it('returns exit code, output and files', async () => {
  const dir = await aFolder();
  const { exitCode, output } = await runInGuest(
    {
      script: 'echo "word is $WORD"; echo kept >"$NODEAGENT_JOB/results/file"; exit 7',
      env: { WORD: "it's" },
      timeoutMs: 100_000,
    },
    dir,
  );
  expect(exitCode).toBe(7);
  expect(output).toContain("word is it's");
  expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('kept\n');
});

it('leaves the machine unchanged', async () => {
  const dir = await aFolder();
  await writeFile(join(dir, 'mine'), 'before');
  const { exitCode } = await runInGuest({
    script: `test "$(cat ${dir}/mine)" = before && echo after >${dir}/mine && rm -r ${dir} && ! test -e ${dir}`,
    timeoutMs: 100_000,
  });
  expect(exitCode).toBe(1); // `dir` is on the machine's /tmp; the guest has its own /tmp
  const shown = await runInGuest({
    script: 'rm -rf /etc && touch /usr/guest && ! test -e /etc && test -e /usr/guest',
    timeoutMs: 100_000,
  });
  expect(shown.exitCode).toBe(0);
  expect(existsSync('/usr/guest')).toBe(false);
  expect(existsSync('/etc/passwd')).toBe(true);
  expect(readFileSync(join(dir, 'mine'), 'utf8')).toBe('before');
});

it('kills a hanging guest and shows its last output', async () => {
  // A boot takes two seconds, or longer on a busy machine; there is no output before it.
  const outcomes: string[] = [];
  for (const seconds of [6, 18, 54]) {
    const script = 'echo the last words; sleep 1000';
    const { exitCode, failure = '' } = await runInGuest({ script, timeoutMs: seconds * 1000 });
    expect(exitCode).toBeUndefined();
    expect(failure).toContain(`still running after ${seconds} s`);
    outcomes.push(failure);
    if (failure.includes('the last words')) break;
  }
  expect(outcomes.at(-1)).toContain('the last words');
});

it('reports a guest that dies', async () => {
  const { exitCode, failure } = await runInGuest({
    script: 'echo c >/proc/sysrq-trigger; sleep 100',
    timeoutMs: 100_000,
  });
  expect(exitCode).toBeUndefined();
  expect(failure).toContain('The guest ended before its command did');
  expect(failure).toMatch(/panic|sysrq/i);
});

it('ends the guest when its runner is killed', async () => {
  const dir = await aFolder();
  const mark = `mark-${process.pid}`;
  const runner = await startProcess({
    argv: [
      process.execPath,
      join(ROOT, 'tools/kernel/main.ts'),
      '--command',
      `echo guest is busy; sleep 1000 # ${mark}`,
    ],
    logFile: join(dir, 'log'),
  });
  await waitFor(() => runner.logTail().includes('guest is busy'), {
    what: 'the guest to be busy',
    timeoutMs: 100_000,
  });
  const job = `${join(ROOT, '.cache/kernel')}/${runner.pid}-`;
  expect(processesWith(job)).not.toEqual([]);
  await runner.kill9();
  await waitFor(() => processesWith(job).length === 0, { what: 'the guest to be gone' });
  await runInGuest({ script: 'true', timeoutMs: 100_000 });
  const jobs = readdirSync(join(ROOT, '.cache/kernel'));
  expect(jobs.filter((name) => name.startsWith(`${runner.pid}-`))).toEqual([]);
});

/** Returns ids of processes whose command line contains this text. */
function processesWith(text: string): readonly string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(text);
    } catch {
      return false; // ended meanwhile
    }
  });
}
