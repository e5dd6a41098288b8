import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { lackOfPipes } from '@nodeagent/base/system';

import type { Journal } from '../ports.js';

/** @see Kubernetes 1.36 pkg/kubelet/kubelet_server_journal.go, Copy */
const TIMEOUT_MS = 30_000;

/**
 * Reads systemd's journal with its own program, for half a minute at most.
 *
 * @param program name or path
 */
export function createJournal(program = 'journalctl'): Journal {
  return {
    hasUnit: async (name, signal) => {
      let units = '';
      try {
        for await (const chunk of output(program, ['--field', '_SYSTEMD_UNIT'], signal)) {
          units += Buffer.from(chunk).toString();
        }
      } catch {
        return false; // no journal on this machine; the service may have a log file
      }
      return units.split('\n').includes(`${name}.service`);
    },
    read: (args, signal) => output(program, args, signal),
  };
}

async function* output(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    killSignal: 'SIGKILL',
  });
  const lack = lackOfPipes(child);
  if (lack !== undefined) throw await lack;
  const ended = once(child, 'close');
  ended.catch(() => undefined); // awaited below
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, 1024);
  });
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    await ended;
    if (complaint !== '') yield Buffer.from(complaint);
  } finally {
    child.kill('SIGKILL');
  }
}
