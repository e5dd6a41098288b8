import { copyFile, mkdtemp, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { type CommandOptions, type CommandResult, tryCommand } from './command.ts';
import { TestbedError } from './errors.ts';
import { startProcess, type TestProcess } from './processes.ts';
import { waitFor } from './wait.ts';

/** A systemd with D-Bus in namespaces of its own, on the kernel and the programs of this machine. */
export interface SystemdSpace {
  /** Runs a command in it, whatever its exit code. */
  try(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Ends all its processes and removes every trace. */
  remove(): Promise<void>;
}

const CGROUPS = '/sys/fs/cgroup';
const REPOSITORY = resolve(import.meta.dirname, '../..');
const SCRIPT = 'boot-systemd.sh';
const REMOVE_TRIES = 100;
const REMOVE_WAIT_MS = 50;

/**
 * Boots systemd in two seconds as the first process of new PID, mount, network, UTS, IPC and cgroup
 * namespaces. It needs root, cgroups of version 1, and Debian's `systemd` and `dbus`; it sees this
 * machine's files, and its own changes of them are gone at the end, except those in the repository.
 *
 * @param name at most 30 letters, digits and dashes
 * @throws {TestbedError} with the end of its log when it does not come up
 */
export async function bootSystemd(name: string): Promise<SystemdSpace> {
  const dir = await mkdtemp(join(tmpdir(), `${name}-`));
  const script = join(dir, SCRIPT);
  await copyFile(join(import.meta.dirname, SCRIPT), script);
  const running = await startProcess({
    argv: ['sh', script, name, dir, REPOSITORY],
    logFile: join(dir, 'systemd.log'),
  });
  const remove = async (): Promise<void> => {
    await endSystemd(running);
    await removeCgroups(name);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const pid = await waitFor(() => firstProcess(running), { what: 'systemd to start' });
    const enter = ['nsenter', '--target', String(pid), '--all', '--root', '--wd=/'];
    const run: SystemdSpace['try'] = (argv, options) => tryCommand([...enter, ...argv], options);
    const isUp = async (): Promise<boolean> => {
      running.assertRunning();
      return (await run(['systemctl', 'is-active', 'dbus.service'])).exitCode === 0;
    };
    await waitFor(isUp, { what: 'D-Bus to be active', timeoutMs: 60_000 });
    return { try: run, remove };
  } catch (cause) {
    const tail = running.logTail();
    await remove();
    const text = `systemd in namespaces did not come up: ${tail}`;
    throw new TestbedError('TESTBED_COMMAND_FAILED', text, { cause });
  }
}

/** systemd itself, once it has taken the place of the shell that made its root. */
async function firstProcess(running: TestProcess): Promise<number | undefined> {
  running.assertRunning();
  const children = `/proc/${running.pid}/task/${running.pid}/children`;
  const pid = Number((await readFile(children, 'utf8')).trim());
  if (pid === 0) return undefined;
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => ''); // it ended meanwhile
  return name === 'systemd\n' ? pid : undefined;
}

/** All processes of a PID namespace end with its first one. */
async function endSystemd(running: TestProcess): Promise<void> {
  const pid = running.isRunning() ? await firstProcess(running) : undefined;
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
  await running.stop();
}

async function removeCgroups(name: string): Promise<void> {
  for (const hierarchy of await readdir(CGROUPS)) {
    const top = join(CGROUPS, hierarchy, name);
    for (let tried = 1; !(await removeTree(top)); tried += 1) {
      if (tried === REMOVE_TRIES) throw new Error(`${top} cannot be removed`);
      await new Promise((done) => setTimeout(done, REMOVE_WAIT_MS));
    }
  }
}

/** @returns false when something in it is still in use */
async function removeTree(dir: string): Promise<boolean> {
  try {
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      if (entry.isDirectory() && !(await removeTree(join(dir, entry.name)))) return false;
    }
    await rmdir(dir);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code === 'EBUSY') return false;
    throw error;
  }
}
