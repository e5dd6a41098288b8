import { execFile } from 'node:child_process';

import type { FilterProgram } from '../ports.js';

const PROGRAMS = { IPv4: 'iptables', IPv6: 'ip6tables' } as const;
const TIMEOUT_MS = 30_000;

/** @param prefix words before each command, which may enter another network namespace */
export function createFilterProgram(prefix: readonly string[] = []): FilterProgram {
  return {
    run: (family, argv, signal) =>
      new Promise((resolve, reject) => {
        const options = {
          ...({ encoding: 'utf8', timeout: TIMEOUT_MS, killSignal: 'SIGKILL' } as const),
          signal,
          env: { ...process.env, LC_ALL: 'C' },
        };
        const [file = '', ...words] = [...prefix, PROGRAMS[family], ...argv];
        execFile(file, words, options, (cause, stdout, stderr) => {
          const output = `${stdout}${stderr}`.trim();
          if (cause === null) return resolve({ exitCode: 0, output });
          if (cause.code === 'ENOENT') return resolve(undefined);
          if (typeof cause.code === 'number') return resolve({ exitCode: cause.code, output });
          reject(new Error(cause.message, { cause }));
        });
      }),
  };
}
