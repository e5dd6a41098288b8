import { execFile } from 'node:child_process';

import { VolumeError } from '../../volumes/index.js';
import type { StorageCommands } from '../ports.js';

/** Limit on a program's output. */
const MAX_BYTES = 1 << 20;

export function createStorageCommands(): StorageCommands {
  return {
    run: ([program, ...argv], { timeoutMs }, signal) =>
      new Promise((resolve, reject) => {
        const options = {
          encoding: 'utf8',
          timeout: timeoutMs,
          killSignal: 'SIGKILL',
          maxBuffer: MAX_BYTES,
          signal,
          env: { ...process.env, LC_ALL: 'C' },
        } as const;
        execFile(program, argv, options, (cause, stdout, stderr) => {
          const output = `${stdout}${stderr}`;
          if (cause === null) return resolve({ exitCode: 0, output });
          if (typeof cause.code === 'number') return resolve({ exitCode: cause.code, output });
          const why = cause.killed === true ? `took longer than ${timeoutMs} ms` : cause.message;
          const text = `${[program, ...argv].join(' ')}: ${why}`;
          reject(new VolumeError('VOLUME_MOUNT', text, { cause }));
        });
      }),
  };
}
