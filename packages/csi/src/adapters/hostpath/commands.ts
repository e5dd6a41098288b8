import { execFile } from 'node:child_process';

import { CsiError } from '../../model/errors.js';

/**
 * Runs a program of util-linux or of a file system.
 *
 * @returns its standard output
 * @throws {CsiError} `CSI_INTERNAL` with the command line and its output
 */
export function runCommand(command: string, argv: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, argv, { maxBuffer: 1 << 20 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const said = stderr.trim() === '' ? error.message : stderr.trim();
      const detail = `${[command, ...argv].join(' ')}: ${said}`;
      reject(new CsiError('CSI_INTERNAL', detail, { cause: error }));
    });
  });
}
