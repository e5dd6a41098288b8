import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { Clock, Logger } from '@nodeagent/base';
import { type Dbus, type DbusValue, variantValue } from '@nodeagent/dbus';
import { openBus } from '@nodeagent/dbus/unix';

import type { ShutdownWatch } from '../ports.js';

const LOGIND = { destination: 'org.freedesktop.login1', path: '/org/freedesktop/login1' };
const MANAGER = 'org.freedesktop.login1.Manager';
const DROP_IN = '/etc/systemd/logind.conf.d/99-kubelet.conf';
const HANGUP = 1;
/** The lock lasts as long as this program runs, which ends with its input: with this process. */
const HOLD = ['sh', '-c', 'echo held; exec cat'];

/** A bus whose connection is opened again after it ended. */
interface LastingBus extends Dbus {
  /** Calls back after every connection but the first: signals may have been missed. */
  onOpen(listener: () => void): () => void;
  keepOpen(signal: AbortSignal, onError: (error: unknown) => void): Promise<void>;
}

export interface LogindOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** The machine's bus when absent. */
  readonly dbus?: LastingBus;
  /** The file that raises the delay; the one of the Go kubelet when absent. */
  readonly dropIn?: string;
}

/** Shutdowns of this machine by logind, which is asked only once it is needed. */
export function createLogind({
  clock,
  log,
  dbus = openBus({ clock }),
  dropIn = DROP_IN,
}: LogindOptions): ShutdownWatch {
  const property = async (name: string): Promise<DbusValue | undefined> => {
    const [answer] = await dbus.call({
      ...LOGIND,
      interface: 'org.freedesktop.DBus.Properties',
      member: 'Get',
      signature: 'ss',
      body: [MANAGER, name],
    });
    return variantValue(answer);
  };
  return {
    longestDelayMs: async () => {
      const microseconds = await property('InhibitDelayMaxUSec');
      if (typeof microseconds === 'bigint') return Number(microseconds) / 1000;
      throw new Error('InhibitDelayMaxUSec from logind is not a uint64 as expected');
    },
    raiseDelay: async (seconds) => {
      await mkdir(dirname(dropIn), { recursive: true, mode: 0o755 });
      const text = `# Kubelet logind override\n[Login]\nInhibitDelayMaxSec=${seconds}\n`;
      await writeFile(dropIn, text, { mode: 0o644 });
      await dbus.call({
        destination: 'org.freedesktop.systemd1',
        path: '/org/freedesktop/systemd1',
        interface: 'org.freedesktop.systemd1.Manager',
        member: 'KillUnit',
        signature: 'ssi',
        body: ['systemd-logind.service', 'all', HANGUP],
      });
    },
    lock: async () => {
      const why = 'Kubelet needs time to handle node shutdown';
      const options = ['--what=shutdown', '--who=kubelet', `--why=${why}`, '--mode=delay'];
      const holder = spawn('systemd-inhibit', [...options, ...HOLD], {
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      await held(holder);
      return async () => {
        if (holder.exitCode !== null || holder.signalCode !== null) return;
        const ended = once(holder, 'exit');
        holder.stdin.end();
        await ended;
      };
    },
    follow: async (listener, onReady, signal) => {
      const match = { sender: LOGIND.destination, path: LOGIND.path, interface: MANAGER };
      let known = false;
      let messages = 0;
      const leave = await dbus.subscribe({ ...match, member: 'PrepareForShutdown' }, ({ body }) => {
        const [isShuttingDown] = body;
        messages += 1;
        if (typeof isShuttingDown === 'boolean') listener((known = isShuttingDown));
        else log.warn({ values: body.length }, 'a strange message about a shutdown');
      });
      const catchUp = async (): Promise<void> => {
        const before = messages;
        const isShuttingDown = await property('PreparingForShutdown');
        if (messages > before || isShuttingDown === known) return; // the message is newer
        if (typeof isShuttingDown === 'boolean') listener((known = isShuttingDown));
        else throw new Error('PreparingForShutdown from logind is not a boolean as expected');
      };
      const stopCatchingUp = dbus.onOpen(() => {
        catchUp().catch((err: unknown) => {
          log.warn({ err }, 'cannot ask logind for a shutdown that was missed');
        });
      });
      try {
        await catchUp();
        onReady();
        await dbus.keepOpen(signal, (err) => log.warn({ err }, 'the connection to logind ended'));
      } finally {
        stopCatchingUp();
        leave();
      }
    },
  };
}

/** Resolves when the lock is held. @throws {Error} with what the program says if it ends before */
async function held(holder: ChildProcess): Promise<void> {
  let problem = '';
  holder.stderr?.on('data', (chunk: Buffer) => (problem += chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    holder.stdout?.once('data', () => resolve());
    holder.once('error', reject);
    holder.once('exit', () => {
      reject(new Error(`failed creating systemd inhibitor: ${problem.trim()}`));
    });
  });
}
