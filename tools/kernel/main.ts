/**
 * Runs the kernel tier of one package in user-mode Linux, or any command there.
 *
 *   npm run kernel -- packages/ipvs [vitest arguments]
 *   npm run kernel -- --bench packages/ipvs [vitest arguments]
 *   npm run kernel -- --command 'modprobe ip_vs; ipvsadm -Ln'
 */
import { parseArgs } from 'node:util';

import { SetupError } from '../setup/machine.ts';
import { ensurePackages } from '../setup/packages.ts';
import { runInGuest } from './boot.ts';
import { runKernelTests } from './run-vitest.ts';

const USAGE = 'npm run kernel -- [--bench] packages/NAME [vitest arguments], or --command TEXT';
const isBench = process.argv[2] === '--bench';
const [first = '', ...rest] = process.argv.slice(isBench ? 3 : 2);
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
const common = {
  onOutput: (chunk: string) => void process.stdout.write(chunk),
  signal: stop.signal,
};

try {
  await ensurePackages(['kernel'], (message) => console.error(message));
  process.exitCode = first.startsWith('-') ? await runCommand() : await runTests();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function runTests(): Promise<number> {
  if (first === '') throw new SetupError(`Which package? ${USAGE}`);
  const { exitCode } = await runKernelTests({
    dir: first,
    tier: isBench ? 'kernel-bench' : 'kernel',
    args: rest,
    ...common,
  });
  return exitCode;
}

async function runCommand(): Promise<number> {
  const { values } = parseArgs({
    options: { command: { type: 'string' }, seconds: { type: 'string', default: '600' } },
  });
  if (values.command === undefined) throw new SetupError(USAGE);
  const { exitCode, failure } = await runInGuest({
    script: values.command,
    timeoutMs: Number(values.seconds) * 1000,
    ...common,
  });
  if (failure !== undefined) console.error(failure.split(';')[0]);
  return exitCode ?? 1;
}
