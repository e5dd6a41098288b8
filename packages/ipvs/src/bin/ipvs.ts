#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { isIpvsError } from '../index.js';
import { openIpvs } from '../netlink.js';
import { runCommand } from './command.js';
import { type Elsewhere, networkNamespace } from './network-namespace.js';

const argv = process.argv.slice(2);
const elsewhere = networkNamespace(argv);
if (typeof elsewhere === 'string') {
  process.stderr.write(`ipvs: ${elsewhere}\n`);
  process.exitCode = 2;
} else {
  process.exitCode = elsewhere === undefined ? await runHere() : runThere(elsewhere);
}

/** Starts this command again in the namespace and waits for its end. */
function runThere({ path, argv: rest }: Elsewhere): number {
  const command = [process.execPath, ...process.execArgv, process.argv[1] ?? '', ...rest];
  // a terminal sends its interrupt to the child too, and the exit code is the child's
  process.on('SIGINT', () => undefined);
  const { status, error } = spawnSync('nsenter', [`--net=${path}`, '--', ...command], {
    stdio: 'inherit',
  });
  if (error !== undefined) process.stderr.write(`ipvs: nsenter: ${error.message}\n`);
  return status ?? 1;
}

async function runHere(): Promise<number> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  // `ipvs list | head` closes the pipe early; that is not a failure
  process.stdout.once('error', () => process.exit(0));

  const ipvs = openIpvs();
  try {
    return await runCommand(argv, {
      ipvs,
      version: ownVersion(),
      readInput: (file) => readFileSync(file === '-' ? 0 : file, 'utf8'),
      print: (text) => void process.stdout.write(text),
      warn: (text) => void process.stderr.write(text),
      isTerminal: process.stdout.isTTY,
      pause: (ms) => delay(ms, undefined, { signal: stop.signal }).catch(() => undefined),
      signal: stop.signal,
    });
  } catch (error) {
    const isOurs = isIpvsError(error) || (error as NodeJS.ErrnoException).code !== undefined;
    if (!isOurs) throw error;
    process.stderr.write(`ipvs: ${(error as Error).message}\n`);
    return 1;
  } finally {
    ipvs.close();
  }
}

function ownVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
