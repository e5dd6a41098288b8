#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { isIpvsError } from '../index.js';
import { openIpvs } from '../netlink.js';
import { runCommand } from './command.js';

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());
// `ipvs list | head` closes the pipe early; that is not a failure
process.stdout.once('error', () => process.exit(0));

const ipvs = openIpvs();
try {
  process.exitCode = await runCommand(process.argv.slice(2), {
    ipvs,
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
  process.exitCode = 1;
} finally {
  ipvs.close();
}
