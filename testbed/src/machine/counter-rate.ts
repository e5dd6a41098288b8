import { join } from 'node:path';

import { runCommand } from '../command.ts';

const SOURCE = join(import.meta.dirname, 'counter-rate.c');

/**
 * Measures the counter of the host's processors (TSC), which emulated processors share. A kernel that
 * measured it while other programs kept it from running would be wrong by a factor.
 *
 * @param dir - a folder for the program that measures
 * @returns thousand ticks per second
 * @throws {TestbedError} `TESTBED_PROGRAM_MISSING` without tcc
 */
export async function counterRate(dir: string): Promise<number> {
  const program = join(dir, 'counter-rate');
  await runCommand(['tcc', '-nostdlib', '-static', '-o', program, SOURCE]);
  return Number(await runCommand([program]));
}
