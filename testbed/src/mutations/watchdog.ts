import { Worker } from 'node:worker_threads';

export interface Watchdog {
  /** Call it to show that work continues. */
  sign(): void;
  stop(): void;
}

/**
 * Ends the process with the number of the current input when there is no call for two minutes.
 * Otherwise a reader that never returns would keep its test running forever, without showing which
 * input it was.
 */
export function startWatchdog(what: string): Watchdog {
  const count = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(WATCH, { eval: true, workerData: { count, what, pid: process.pid } });
  worker.unref();
  return {
    sign: () => {
      Atomics.add(count, 0, 1);
    },
    stop: () => {
      void worker.terminate();
    },
  };
}

const WATCH = `
const { workerData: { count, what, pid } } = require('node:worker_threads');
const { writeSync } = require('node:fs');
let last = -1;
setInterval(() => {
  const now = Atomics.load(count, 0);
  if (now === last) {
    writeSync(2, 'A reader does not return: ' + what + ', input ' + now + '\\n');
    process.kill(pid, 'SIGKILL');
  }
  last = now;
}, 120_000);
`;
